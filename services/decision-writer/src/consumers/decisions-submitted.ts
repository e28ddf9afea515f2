import { createHash } from 'node:crypto';
import type { AuditRecorded } from '@governsai/contracts';
import type { ConsumedBatch, ConsumedMessage, Producer } from '@governsai/kafka';
import { countRecording, timeRecording } from '../metrics.ts';
import type { Publisher } from '../publisher.ts';
import type { Recorder } from '../recorder.ts';
import { RecordingTraces } from '../recording-traces.ts';

type Batch = ConsumedBatch<'decisions.submitted'>;
type Message = ConsumedMessage<'decisions.submitted'>;

export interface DecisionsSubmittedParts {
  recorder: Recorder;
  publisher: Publisher;
  producer: Producer;
}

/**
 * Handles one batch: store it, dead-letter what cannot be stored, publish, and return, upon which the offset is
 * committed. A throw anywhere repeats the whole batch; what was stored is then known, and only published again.
 */
export function decisionsSubmittedConsumer(parts: DecisionsSubmittedParts) {
  return async (batch: Batch): Promise<void> => {
    const traces = new RecordingTraces(batch);
    try {
      await record(batch, traces);
      traces.end();
    } catch (error) {
      traces.end(error);
      throw error;
    }
  };

  async function record(batch: Batch, traces: RecordingTraces): Promise<void> {
    const outcome = await timeRecording(() => parts.recorder.record(batch.messages));
    traces.stored(outcome.orgs);
    for (const { item, error } of outcome.refused) await batch.deadLetter(item, 'refused by the database', error);
    for (const item of outcome.conflicts) {
      await parts.producer.send('audit.recorded', { key: item.value.orgId, value: conflictAudit(batch, item) });
      await batch.deadLetter(item, 'idempotency conflict', new Error('the key is stored with another body'));
    }
    // Also when every message was known: an earlier life of this batch may have stored it and died before publishing.
    await parts.publisher.publish(outcome.orgs, (decisionId) => traces.contextOf(decisionId));
    countRecording(outcome);
  }
}

function conflictAudit({ topic, partition }: Batch, { value, offset }: Message): AuditRecorded {
  return {
    // The same for every repeat of the batch, so that it is stored once.
    id: createHash('sha256').update(`${topic}/${partition}/${offset}`).digest('hex').slice(0, 32),
    orgId: value.orgId,
    actor: { userId: value.userId, keyId: value.keyId, service: 'decision-writer' },
    action: 'decision.idempotency_conflict',
    target: value.decisionId,
    result: 'refused',
    ip: null,
    detail: { idempotencyKey: value.idempotencyKey, bodyHash: value.bodyHash },
    at: value.receivedAt,
  };
}
