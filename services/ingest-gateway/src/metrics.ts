import { type AppError, ERRORS } from '@governsai/contracts';
import { Counter, Histogram, LATENCY_BUCKETS } from '@governsai/service';

/** The way a message came in: an HTTP request, a socket of this gateway, or one of push-gateway's. */
export type Via = 'http' | 'ws' | 'relay';

const messages = new Counter({
  name: 'governsai_ingest_messages_total',
  help: 'INGEST messages by the way they came and what became of them: accepted, duplicate (accepted before), refused (the sender is to change it), unavailable (not accepted, through no fault of the sender).',
  labelNames: ['via', 'outcome'] as const,
});

// A counter that first appears with its first count would hide that count from a rate.
for (const via of ['http', 'ws', 'relay'] as const) {
  for (const outcome of ['accepted', 'duplicate', 'refused', 'unavailable']) messages.inc({ via, outcome }, 0);
}

const errors = new Counter({
  name: 'governsai_ingest_errors_total',
  help: 'INGEST messages that were not accepted, by error code.',
  labelNames: ['code'] as const,
});

const ackSeconds = new Histogram({
  name: 'governsai_ingest_ack_duration_seconds',
  help: 'Seconds from the receipt of INGEST messages until their answer is ready, Kafka having confirmed them. Those of one request count as many times as they are.',
  labelNames: ['via'] as const,
  buckets: [...LATENCY_BUCKETS],
});

/** Counts what became of messages that were received `seconds` ago. */
export function countOutcomes(via: Via, outcomes: readonly ({ dedup: boolean } | AppError)[], seconds: number): void {
  const duration = ackSeconds.labels({ via });
  const counts = new Map<string, number>();
  for (const outcome of outcomes) {
    duration.observe(seconds);
    const name = nameOf(outcome);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (!('dedup' in outcome)) errors.inc({ code: outcome.code });
  }
  // A counter is looked up by its labels each time, which costs more than to count.
  for (const [outcome, count] of counts) messages.inc({ via, outcome }, count);
}

function nameOf(outcome: { dedup: boolean } | AppError): string {
  if ('dedup' in outcome) return outcome.dedup ? 'duplicate' : 'accepted';
  return ERRORS[outcome.code].status < 500 ? 'refused' : 'unavailable';
}
