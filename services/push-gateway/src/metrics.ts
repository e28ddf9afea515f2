import { Counter, Gauge, Histogram } from '@governsai/service';

export const openSubscriptions = new Gauge({
  name: 'governsai_push_subscriptions',
  help: 'Subscriptions of open sockets, by kind of channel.',
  labelNames: ['kind'] as const,
});

export const pushed = new Counter({
  name: 'governsai_push_messages_total',
  help: 'Messages of a topic that somebody here subscribed to, by topic: each framed once, whatever the number of sockets.',
  labelNames: ['topic'] as const,
});

export const unreadable = new Counter({
  name: 'governsai_push_unreadable_total',
  help: "Messages that do not fit their topic's schema, by topic. A decision among them is read from PostgreSQL instead.",
  labelNames: ['topic'] as const,
});

export const decisionDelay = new Histogram({
  name: 'governsai_push_decision_delay_seconds',
  help: 'From the recording of a decision to its push here.',
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
});

export const readFailures = new Counter({
  name: 'governsai_push_read_failures_total',
  help: 'Reads of PostgreSQL for live subscribers that failed and are repeated.',
});

export const relayed = new Histogram({
  name: 'governsai_push_relay_batch_items',
  help: 'INGEST messages in one request to ingest-gateway.',
  buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500],
});
