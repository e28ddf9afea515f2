import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** Latencies of one run, in milliseconds. */
export interface Latency {
  count: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/**
 * Counts latencies in an HDR histogram (three digits), Node.js's own. They are to be taken from the moment a request was
 * due, not from when it was sent: a stall then counts for every request that it held up (no coordinated omission).
 */
export class LatencyRecorder {
  readonly #histogram: RecordableHistogram = createHistogram();

  record(milliseconds: number): void {
    this.#histogram.record(Math.max(1, Math.round(milliseconds * 1e6)));
  }

  get count(): number {
    return this.#histogram.count;
  }

  summary(): Latency {
    const at = (percentile: number) => this.#histogram.percentile(percentile) / 1e6;
    const { count } = this.#histogram;
    return { count, p50: at(50), p90: at(90), p99: at(99), max: count === 0 ? 0 : this.#histogram.max / 1e6 };
  }
}

/**
 * Calls `send` with each due time (`performance.now()`), at the rate, whether earlier calls have been answered or not.
 * Resolves when the last one was made.
 */
export function openLoop(rate: number, count: number, send: (due: number, index: number) => void): Promise<void> {
  const begun = performance.now();
  return new Promise((resolve) => {
    let sent = 0;
    const tick = () => {
      const now = performance.now();
      for (; sent < count; sent++) {
        const due = begun + (sent / rate) * 1000;
        if (due > now) break;
        send(due, sent);
      }
      if (sent === count) resolve();
      else setTimeout(tick, 1);
    };
    tick();
  });
}
