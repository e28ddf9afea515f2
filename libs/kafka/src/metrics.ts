import { LATENCY_BUCKETS, SIZE_BUCKETS } from '@governsai/telemetry';
import { Counter, Gauge, Histogram } from 'prom-client';

/** Label values: topic names without the prefix, group ids without the random part. Never a key, org or message. */
export const produced = new Counter({
  name: 'governsai_kafka_produced_total',
  help: 'Messages the broker confirmed.',
  labelNames: ['topic'],
});
export const sendFailures = new Counter({
  name: 'governsai_kafka_send_failures_total',
  help: 'Messages refused or given up on before a confirmation.',
  labelNames: ['topic'],
});
export const sendSeconds = new Histogram({
  name: 'governsai_kafka_send_duration_seconds',
  help: 'Time of one produce request until its confirmation.',
  labelNames: ['topic'],
  buckets: [...LATENCY_BUCKETS],
});
export const consumed = new Counter({
  name: 'governsai_kafka_consumed_total',
  help: 'Messages handled, dead letters included.',
  labelNames: ['topic', 'group'],
});
export const batchSize = new Histogram({
  name: 'governsai_kafka_batch_size',
  help: 'Messages in one handled batch.',
  labelNames: ['topic', 'group'],
  buckets: [...SIZE_BUCKETS],
});
export const handleSeconds = new Histogram({
  name: 'governsai_kafka_handle_duration_seconds',
  help: 'Time a batch took from the handler to the commit, retries included.',
  labelNames: ['topic', 'group'],
  buckets: [...LATENCY_BUCKETS],
});
export const lagGauge = new Gauge({
  name: 'governsai_kafka_lag',
  help: 'Messages behind the end of the partition, as of the last fetch.',
  labelNames: ['topic', 'partition', 'group'],
});
export const retries = new Counter({
  name: 'governsai_kafka_retries_total',
  help: 'Failed tries that were tried again, by side (produce, consume, broadcast).',
  labelNames: ['topic', 'side'],
});
export const deadLetters = new Counter({
  name: 'governsai_kafka_dead_letters_total',
  help: 'Messages given up on and written to the dead-letter topic.',
  labelNames: ['topic'],
});
export const skipped = new Counter({
  name: 'governsai_kafka_broadcast_skipped_total',
  help: 'Broadcast messages whose handler failed every try; the reader was told to read the state again.',
  labelNames: ['topic'],
});
export const queuedBytes = new Gauge({
  name: 'governsai_kafka_queued_bytes',
  help: 'Bytes that wait for a confirmation.',
});
