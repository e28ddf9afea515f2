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

/** Times messages from the moment each is due until it comes out elsewhere, known by its key. One flow at a time. */
export class ArrivalTimer {
  readonly #due = new Map<string, number>();
  #latency = new LatencyRecorder();
  #missing = 0;
  #allArrived: () => void = () => {};
  #failed: (error: Error) => void = () => {};

  /** A message came out. What is not under way, a repeat or one of an earlier flow, counts for nothing. */
  arrived(key: string): void {
    const since = this.#due.get(key);
    if (since === undefined) return;
    this.#latency.record(performance.now() - since);
    this.#due.delete(key);
    this.#missing--;
    if (this.#missing === 0) this.#allArrived();
  }

  /** What has been sent will not all arrive: the flow under way rejects. */
  fail(error: Error): void {
    this.#failed(error);
  }

  /** Calls `send` at the rate with keys that begin with `run`; resolves when all have arrived. */
  async flow({ run, rate, count }: Flow, send: (key: string, index: number) => void): Promise<Latency> {
    this.#latency = new LatencyRecorder();
    this.#missing = count;
    const all = new Promise<void>((resolve, reject) => {
      this.#allArrived = resolve;
      this.#failed = reject;
    });
    const sent = openLoop(rate, count, (due, index) => {
      const key = `${run}-${index}`;
      this.#due.set(key, due);
      send(key, index);
    });
    await Promise.all([sent, all]);
    return this.#latency.summary();
  }
}

/** So many messages at so many a second, under a name no other flow has. */
export interface Flow {
  run: string;
  rate: number;
  count: number;
}
