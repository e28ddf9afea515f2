import {
  type ChainRecord,
  chainRecord,
  type DecisionsRecorded,
  effectiveUserId,
  person,
  usage,
} from '@governsai/contracts';
import { type Decimal, parseDecimal } from './decimal.ts';

/** What a stored decision means to budgets: who, with what, when, how much. */
export interface Recorded {
  orgId: string;
  seq: number;
  decisionId: string;
  /** The outcome: allow, deny … */
  decision: string;
  tool: string | null;
  tags: readonly string[];
  userId: string | null;
  keyId: string | null;
  model: string | null;
  /** Null when the usage names none, or there is no usage. */
  currency: string | null;
  /** Null when the usage names none. */
  cost: Decimal | null;
  inputTokens: number;
  outputTokens: number;
  /**
   * When the gateway accepted it, milliseconds since the epoch. Budgets and rollups go by this time and not by the
   * client's own, which may lie years off and would move a budget into a period that nobody lives in.
   */
  receivedAt: number;
}

/** From the event that the writer published. */
export function fromEvent(event: DecisionsRecorded): Recorded {
  const { decision } = event;
  return {
    orgId: decision.orgId,
    seq: event.seq,
    decisionId: decision.id,
    decision: decision.decision,
    tool: decision.tool,
    tags: decision.tags,
    userId: event.userId,
    keyId: event.keyId,
    ...fromUsage(event.usage),
    receivedAt: Date.parse(event.receivedAt),
  };
}

/**
 * From the row that the writer stored: the text of the chain record and the person beside it (null once erased). Throws
 * SyntaxError or ZodError when the row is not a chain record.
 */
export function fromRow(record: string, personBeside: unknown): Recorded {
  const stored: ChainRecord = chainRecord.parse(JSON.parse(record));
  return {
    orgId: stored.orgId,
    seq: stored.seq,
    decisionId: stored.id,
    decision: stored.decision,
    tool: stored.tool ?? null,
    tags: stored.tags ?? [],
    userId: effectiveUserId(person.nullable().parse(personBeside)),
    keyId: stored.keyId ?? null,
    ...fromUsage(usage.nullish().parse(stored.usage)),
    receivedAt: Date.parse(stored.receivedAt),
  };
}

type UsageParts = Pick<Recorded, 'model' | 'currency' | 'cost' | 'inputTokens' | 'outputTokens'>;

function fromUsage(used: DecisionsRecorded['usage'] | undefined): UsageParts {
  return {
    model: used?.model ?? null,
    currency: used?.currency ?? null,
    cost: used?.cost == null ? null : parseDecimal(used.cost),
    inputTokens: used?.inputTokens ?? 0,
    outputTokens: used?.outputTokens ?? 0,
  };
}
