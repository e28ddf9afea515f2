import type { DecisionsRecorded } from '@governsai/contracts';
import { Counter, Gauge, Histogram, LATENCY_BUCKETS, SIZE_BUCKETS } from '@governsai/service';

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

// A counter that first appears with its first count would hide that count from a rate.
for (const topic of ['decisions.recorded', 'budgets.changed', 'notifications.raised']) unreadable.inc({ topic }, 0);

const delaySeconds = new Histogram({
  name: 'governsai_push_delay_seconds',
  help: 'Seconds from the storing of a decision until it is written to the sockets here.',
  buckets: [...LATENCY_BUCKETS],
});

const endToEndSeconds = new Histogram({
  name: 'governsai_push_end_to_end_seconds',
  help: 'Seconds from the receipt of a decision by a gateway until it is written to the sockets here.',
  buckets: [...LATENCY_BUCKETS],
});

/** Counts a decision that has been pushed at `now`, milliseconds since the epoch. */
export function countPush({ receivedAt, recordedAt }: DecisionsRecorded, now: number): void {
  delaySeconds.observe(Math.max(0, now - Date.parse(recordedAt)) / 1000);
  endToEndSeconds.observe(Math.max(0, now - Date.parse(receivedAt)) / 1000);
}

export const readFailures = new Counter({
  name: 'governsai_push_read_failures_total',
  help: 'Reads of PostgreSQL for live subscribers that failed and are repeated.',
});

export const relayed = new Histogram({
  name: 'governsai_push_relay_batch_items',
  help: 'Messages in one request that hands them on, by the service that takes it.',
  labelNames: ['to'] as const,
  buckets: [...SIZE_BUCKETS],
});

export const filterFailures = new Counter({
  name: 'governsai_push_filter_failures_total',
  help: 'Evaluations of a subscription filter that failed for a decision, which is then left out: an index out of range, a division by zero, too much to look through.',
});

export const openStreams = new Gauge({
  name: 'governsai_push_event_streams',
  help: 'Open streams of server-sent events.',
});

/** Why a stream of server-sent events ended. */
export type StreamEnd = 'client' | 'slow' | 'error' | 'restart' | 'admin';

export const endedStreams = new Counter({
  name: 'governsai_push_event_stream_ends_total',
  help: 'Streams of server-sent events that ended, by what ended them: client, slow (reading), error (told), restart, admin.',
  labelNames: ['by'] as const,
});
for (const by of ['client', 'slow', 'error', 'restart', 'admin'] satisfies StreamEnd[]) endedStreams.inc({ by }, 0);
