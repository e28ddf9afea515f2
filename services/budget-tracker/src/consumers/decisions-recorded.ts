import { type DecisionsRecorded, orgId } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { type ConsumedBatch, type ConsumedMessage, MessageSpans } from '@governsai/kafka';
import { type Attributes, decisionAttributes, type Logger } from '@governsai/service';
import { fromEvent } from '../domain/recorded.ts';
import { countDelays } from '../metrics.ts';
import type { Definitions } from '../store/definitions.ts';
import { type Arrival, Tracker } from '../tracker.ts';

type Batch = ConsumedBatch<'decisions.recorded'>;
type Message = ConsumedMessage<'decisions.recorded'>;

export interface DecisionsRecordedParts {
  db: Database;
  log: Logger;
  /** Called when events may wait in the outbox. */
  wake: () => void;
  definitions: Definitions;
  /** Milliseconds since the epoch. The database's own unless given. */
  clock?: () => number;
}

/**
 * Handles one batch: counts what was not counted yet, fills holes from the table, dead-letters what cannot be counted. It
 * may throw at any point and see the batch again: nothing is counted twice.
 */
export function decisionsRecordedConsumer(parts: DecisionsRecordedParts) {
  const { db, log, wake, definitions, clock } = parts;
  return async (batch: Batch): Promise<void> => {
    const tracker = new Tracker<Message>({
      db,
      log,
      definitions,
      clock,
      giveUp: (message, reason, error) => batch.deadLetter(message, reason, error),
    });
    const traces = new MessageSpans(batch, ({ value }) => value.decision.id, attributesOf);
    const begunAt = Date.now();
    try {
      await tracker.track(await arrivalsOf(batch), () => batch.heartbeat());
      traces.recordStatement('INSERT budget_ledger', begunAt);
      traces.end();
      countDelays(batch.messages, (clock ?? Date.now)());
    } catch (error) {
      traces.end(error);
      throw error;
    } finally {
      // Also after a failure: earlier steps of the batch have been committed.
      wake();
    }
  };
}

async function arrivalsOf(batch: Batch): Promise<Arrival<Message>[]> {
  const arrivals: Arrival<Message>[] = [];
  for (const message of batch.messages) {
    const recorded = fromEvent(message.value);
    // An org id that is none could never be the scope of a transaction.
    const named = orgId.safeParse(recorded.orgId);
    if (named.success) arrivals.push({ orgId: recorded.orgId, seq: recorded.seq, recorded, source: message });
    else await batch.deadLetter(message, 'decision.orgId is no org id', named.error);
  }
  return arrivals;
}

function attributesOf({ value: { seq, decision } }: { value: DecisionsRecorded }): Attributes {
  const { orgId, id, correlationId } = decision;
  return decisionAttributes({ orgId, id, seq, correlationId });
}
