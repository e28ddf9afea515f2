/** Bounds of the pauses between attempts, in milliseconds. */
export interface BackoffBounds {
  /** The shortest pause; 200 unless given. */
  minMs: number;
  /** The longest one; 20,000 unless given. */
  maxMs: number;
}

/** What the server asks for is followed up to here, so that no answer can silence a client. */
const MAX_ASKED_MS = 5 * 60_000;
/** Added at random to what the server asks of many at once. */
const ASKED_JITTER = 0.2;

/**
 * Pauses between attempts, by decorrelated jitter: each is random between the shortest and three times the one before, so
 * that clients that broke off together do not come back together.
 */
export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #random: () => number;
  #last = 0;

  constructor(bounds: BackoffBounds, random: () => number = Math.random) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** The next pause in milliseconds; at least `askedMs` when the server said how long. */
  next(askedMs?: number): number {
    if (askedMs !== undefined) return Math.min(askedMs, MAX_ASKED_MS) * (1 + ASKED_JITTER * this.#random());
    const { minMs, maxMs } = this.#bounds;
    const most = Math.min(maxMs, Math.max(this.#last, minMs) * 3);
    this.#last = minMs + this.#random() * Math.max(0, most - minMs);
    return this.#last;
  }

  /** It worked: the next pause is a short one. */
  reset(): void {
    this.#last = 0;
  }
}
