import {
  type ChainRecord,
  chainRecord,
  type DecisionsRecorded,
  type DecisionView,
  decisionViewOf,
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
  /** As it is pushed and listed. */
  view: DecisionView;
  /** The outcome: allow, deny … */
  decision: string;
  tool: string | null;
  tags: readonly string[];
  correlationId: string | null;
  userId: string | null;
  keyId: string | null;
  model: string | null;
  provider: string | null;
  /** Null when the usage names none, or there is no usage. */
  currency: string | null;
  /** Null when the usage names none, and no price is known. */
  cost: Decimal | null;
  /** The price that `cost` was made with; null when the usage named it. */
  priceId: number | null;
  inputTokens: number;
  outputTokens: number;
  /** The hold that the usage names. */
  holdId: string | null;
  /** Whether it says what something cost or took: only that can be what a hold was for. */
  hasUsage: boolean;
  /** When it counts, milliseconds since the epoch: see {@link countedAt}. */
  at: number;
}

const DAY = 24 * 60 * 60 * 1000;

/** How late usage may come and still land in the period that its own timestamp belongs to. */
export const MAX_LATENESS_MS = 35 * DAY;

/**
 * The time a decision counts at: its own timestamp, unless that lies after its receipt or more than 35 days before. Then it is
 * its receipt, so that a clock years off cannot move usage into a period that nobody lives in or has long forgotten. A
 * constant of the code and no setting: who recomputes a ledger must come to the same periods.
 */
export function countedAt(timestamp: string, receivedAt: string): number {
  const own = Date.parse(timestamp);
  const received = Date.parse(receivedAt);
  return own <= received && own >= received - MAX_LATENESS_MS ? own : received;
}

/** From the event that the writer published. */
export function fromEvent(event: DecisionsRecorded): Recorded {
  const { decision: view } = event;
  return {
    seq: event.seq,
    ...fromView(view),
    userId: event.userId,
    keyId: event.keyId,
    ...fromUsage(event.usage),
    at: countedAt(view.timestamp, event.receivedAt),
  };
}

/**
 * From the row that the writer stored: the text of the chain record, its hash, and the person beside it (null once erased).
 * Throws SyntaxError or ZodError when the row is not a chain record.
 */
export function fromRow(record: string, hash: string, personBeside: unknown): Recorded {
  const stored: ChainRecord = chainRecord.parse(JSON.parse(record));
  return {
    seq: stored.seq,
    ...fromView(decisionViewOf(stored, hash)),
    userId: effectiveUserId(person.nullable().parse(personBeside)),
    keyId: stored.keyId ?? null,
    ...fromUsage(usage.nullish().parse(stored.usage)),
    at: countedAt(stored.ts, stored.receivedAt),
  };
}

function fromView(view: DecisionView) {
  const { orgId, id: decisionId, decision, tool, tags, correlationId } = view;
  return { orgId, decisionId, view, decision, tool, tags, correlationId };
}

function fromUsage(used: DecisionsRecorded['usage'] | undefined) {
  return {
    model: used?.model ?? null,
    provider: used?.provider ?? null,
    currency: used?.currency ?? null,
    cost: used?.cost == null ? null : parseDecimal(used.cost),
    priceId: null,
    inputTokens: used?.inputTokens ?? 0,
    outputTokens: used?.outputTokens ?? 0,
    holdId: used?.holdId ?? null,
    hasUsage: used?.cost != null || used?.inputTokens != null || used?.outputTokens != null,
  };
}
