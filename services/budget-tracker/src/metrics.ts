import type { DecisionsRecorded } from '@governsai/contracts';
import { Histogram, LATENCY_BUCKETS } from '@governsai/service';

const delaySeconds = new Histogram({
  name: 'governsai_tracker_delay_seconds',
  help: 'Seconds from the storing of a decision until the budgets know of it.',
  buckets: [...LATENCY_BUCKETS],
});

/** Notes how long decisions that are counted at `now` (milliseconds since the epoch) have waited for it. */
export function countDelays(messages: readonly { value: DecisionsRecorded }[], now: number): void {
  for (const { value } of messages) delaySeconds.observe(Math.max(0, now - Date.parse(value.recordedAt)) / 1000);
}
