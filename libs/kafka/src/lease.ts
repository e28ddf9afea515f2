import type { EachBatchPayload } from 'kafkajs';
import { asError } from './backoff.ts';

interface LeaseOptions {
  payload: EachBatchPayload;
  /** The session's count of joins. */
  generation: () => number;
  sessionTimeoutMs: number;
  heartbeatIntervalMs: number;
}

/** The broker's answers to a heartbeat that say: this member owns nothing any more. */
const LOST = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

/** The right to work on a partition while a batch is handled: kept by heartbeats on a timer, known to be lost or not. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #generation: number;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #lost = false;
  #lastBeat = performance.now();

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#generation = options.generation();
  }

  /** Sends the first heartbeat, throws what the broker answers, and goes on sending. */
  async begin(): Promise<void> {
    await this.heartbeat();
    this.#timer = setInterval(() => {
      // The outcome is kept; who waits on `ended` or asks `active` learns of it.
      this.heartbeat().catch(() => {});
    }, this.#options.heartbeatIntervalMs);
  }

  /** Ends the heartbeats. */
  end(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Aborted when the group rebalances or this member was put out: finish what is under way and let go. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** False once another member may own the partition: what is done now must not be committed. */
  active(): boolean {
    if (this.#lost || this.#generation !== this.#options.generation() || this.#options.payload.isStale()) return false;
    // Nothing heard for a session: put out without having been told, or about to be.
    const { sessionTimeoutMs, heartbeatIntervalMs } = this.#options;
    return performance.now() - this.#lastBeat < sessionTimeoutMs - heartbeatIntervalMs;
  }

  /** Sends a heartbeat when one is due. Throws the client's error, a rebalance among them. */
  async heartbeat(): Promise<void> {
    const before = performance.now();
    try {
      await this.#options.payload.heartbeat();
      this.#lastBeat = before;
    } catch (thrown) {
      const error = asError(thrown);
      const type = 'type' in error ? String(error.type) : '';
      if (LOST.has(type)) this.#lost = true;
      // During a rebalance the broker keeps the member, and takes its commits, until it has waited rebalanceTimeout.
      if (type === 'REBALANCE_IN_PROGRESS') this.#lastBeat = before;
      if (this.#lost || type === 'REBALANCE_IN_PROGRESS') this.#ended.abort();
      throw error;
    }
  }
}
