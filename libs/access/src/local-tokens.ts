import { LRUCache } from 'lru-cache';
import type { Lease, LeaseAsk, TokenSource } from './rate-limiter.ts';

const MAX_BUCKETS = 100_000;

/** The buckets of one process alone. */
export class LocalTokens implements TokenSource {
  readonly #now: () => number;
  readonly #buckets = new LRUCache<string, { tokens: number; at: number }>({ max: MAX_BUCKETS });

  /** @param now steady milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  async lease(asks: readonly LeaseAsk[]): Promise<Lease[]> {
    const now = this.#now();
    return asks.map(({ id, limit, want }) => {
      const { tokens, at } = this.#buckets.get(id) ?? { tokens: limit.burst, at: now };
      const there = Math.min(limit.burst, tokens + ((now - at) / 1000) * limit.perSecond);
      const granted = Math.min(want, Math.max(there, 0));
      this.#buckets.set(id, { tokens: there - granted, at: now });
      return { granted, left: there - granted };
    });
  }
}
