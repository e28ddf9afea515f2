/** How much of one turn of the event loop goes to looking through pushes before sockets, Kafka and PostgreSQL have theirs. */
const TURN_MS = 5;

/**
 * Shares the event loop among the subscriptions that catch up and the filters that are evaluated. Work is done in short
 * slices, as many in one turn of the loop as fit into {@link TURN_MS}; owners (streams) take turns, so that an org with
 * thousands of subscribers far behind, or with costly filters, delays itself and not the others.
 */
export class Turns {
  readonly #now: () => number;
  /** What waits, by owner; the owner whose turn is next comes first. */
  readonly #waiting = new Map<object, (() => void)[]>();
  #spentMs = 0;
  #scheduled = false;

  /** `now` in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** True when this turn of the event loop has had its share: end the slice, or wait for the next turn. */
  get isSpent(): boolean {
    return this.#spentMs >= TURN_MS;
  }

  /** Runs `slice` when it is its owner's turn, after what the owner asked for before. A slice is synchronous and short. */
  run<T>(owner: object, slice: () => T): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      const queue = this.#waiting.get(owner) ?? [];
      queue.push(() => {
        try {
          resolve(this.timed(slice));
        } catch (error) {
          reject(error);
        }
      });
      this.#waiting.set(owner, queue);
    });
    this.#schedule();
    return result;
  }

  /** Runs `work` at once and counts its time. */
  timed<T>(work: () => T): T {
    const spentBefore = this.#spentMs;
    const begin = this.#now();
    try {
      return work();
    } finally {
      // What is timed within is a part of it.
      this.#spentMs = Math.max(this.#spentMs, spentBefore + this.#now() - begin);
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#spentMs = 0;
    while (this.#waiting.size > 0 && !this.isSpent) {
      const [owner, queue] = this.#waiting.entries().next().value as [object, (() => void)[]];
      queue.shift()?.();
      // To the end of the line.
      this.#waiting.delete(owner);
      if (queue.length > 0) this.#waiting.set(owner, queue);
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}
