import type { Rate } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import { LRUCache } from 'lru-cache';
import { LocalTokens } from './local-tokens.ts';

/** A limit that may be slower than once a second. */
export type Limit = Pick<Rate, 'perSecond' | 'burst'>;

/** What a replica asks of a bucket that all replicas share. */
export interface LeaseAsk {
  id: string;
  limit: Limit;
  want: number;
}

export interface Lease {
  /** Tokens that are this replica's from now on; fewer than asked for when there are no more. */
  granted: number;
  /** Tokens that are left for everybody. */
  left: number;
}

/** Hands out the tokens of shared buckets. */
export interface TokenSource {
  /** Answers in the order of the asks, whose ids differ. */
  lease(asks: readonly LeaseAsk[]): Promise<Lease[]>;
}

/** What became of a request. */
export interface RateVerdict {
  allowed: boolean;
  /** About how many more are allowed right now, on all replicas together. */
  remaining: number;
  limit: Limit;
  /** How long to wait before the next one is allowed, in milliseconds; 0 when allowed. */
  retryAfterMs: number;
}

interface Bucket {
  limit: Limit;
  /** Leased and not spent; below 0: spent ahead of the next lease. */
  tokens: number;
  /** The last lease was less than asked for: nothing is spent ahead. */
  exhausted: boolean;
  asking: boolean;
  /** Steady milliseconds before which the source is not asked again. */
  askAgainAt: number;
  left: number;
}

/** How much of a limit a replica takes at a time: what the limit allows in this time. Bounds the error of the limit. */
const CHUNK_SECONDS = 0.1;
const SMALL_CHUNK = 10;
const MAX_BUCKETS = 100_000;
const MAX_ASKS = 1000;
const EXHAUSTED_PAUSE_MS = 50;
const LEASE_TIMEOUT_MS = 500;
/** After a failure the source is left alone for this long. */
const FAILURE_PAUSE_MS = 2000;

export interface RateLimiterOptions {
  source: TokenSource;
  log: Logger;
  /** Steady milliseconds, for tests. */
  now?: () => number;
}

/**
 * Token buckets that mean the same with one replica or ten. Each replica leases a tenth of a second's worth at a time from a
 * shared source and spends it without asking, so that a request waits for nobody. Within any time T all replicas together
 * allow at most `burst + perSecond × T` and one chunk a replica more (what it spent ahead of its first lease); they allow at
 * most a chunk a replica less (what it leased and did not use). A chunk is `perSecond / 10`, or 10 if that is more, and never
 * above half of the burst. While the source does not answer, each replica applies the whole limit alone.
 */
export class RateLimiter {
  readonly #source: TokenSource;
  readonly #alone: LocalTokens;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #buckets = new LRUCache<string, Bucket>({ max: MAX_BUCKETS });
  #due = new Set<string>();
  #leasing = false;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RateLimiterOptions) {
    this.#source = options.source;
    this.#log = options.log;
    this.#now = options.now ?? (() => performance.now());
    this.#alone = new LocalTokens(this.#now);
  }

  /** Spends `cost` tokens of a bucket, if it has any: one that costs more than there are is allowed and paid for by the next. */
  take(id: string, limit: Limit, cost = 1): RateVerdict {
    const bucket = this.#bucket(id, limit);
    const chunk = chunkOf(limit);
    const allowed = bucket.exhausted ? bucket.tokens >= 1 : bucket.tokens + chunk > 0;
    if (allowed) bucket.tokens -= cost;
    if (bucket.tokens < chunk / 2) this.#ask(id, bucket);
    return this.#verdict(bucket, allowed);
  }

  /**
   * Spends one token of a bucket that is asked for right now: exact over all replicas, for what is rare and slow anyway, such
   * as a login.
   */
  async takeExact(id: string, limit: Limit): Promise<RateVerdict> {
    const [lease] = await this.#lease([{ id, limit, want: 1 }]);
    const allowed = lease !== undefined && lease.granted >= 1;
    const retryAfterMs = allowed ? 0 : Math.ceil(1000 / limit.perSecond);
    return { allowed, remaining: Math.max(0, Math.floor(lease?.left ?? 0)), limit, retryAfterMs };
  }

  #bucket(id: string, limit: Limit): Bucket {
    let bucket = this.#buckets.get(id);
    if (!bucket) {
      bucket = { limit, tokens: 0, exhausted: false, asking: false, askAgainAt: 0, left: limit.burst };
      this.#buckets.set(id, bucket);
    }
    // The limit of a key may be changed while the key is in use.
    bucket.limit = limit;
    return bucket;
  }

  #verdict(bucket: Bucket, allowed: boolean): RateVerdict {
    const { limit, tokens, left } = bucket;
    const remaining = Math.max(0, Math.floor(Math.max(tokens, 0) + left));
    if (allowed) return { allowed, remaining, limit, retryAfterMs: 0 };
    const debtMs = ((1 - tokens) / limit.perSecond) * 1000;
    return { allowed, remaining: 0, limit, retryAfterMs: Math.max(EXHAUSTED_PAUSE_MS, Math.ceil(debtMs)) };
  }

  #ask(id: string, bucket: Bucket): void {
    if (bucket.asking || this.#now() < bucket.askAgainAt) return;
    bucket.asking = true;
    this.#due.add(id);
    if (!this.#leasing) {
      this.#leasing = true;
      // All that this turn of the event loop needs goes in one request.
      setImmediate(() => void this.#leaseDue());
    }
  }

  async #leaseDue(): Promise<void> {
    while (this.#due.size > 0) {
      const ids = [...this.#due].slice(0, MAX_ASKS);
      for (const id of ids) this.#due.delete(id);
      const due = ids.flatMap((id) => {
        const bucket = this.#buckets.peek(id);
        return bucket ? [{ id, bucket, want: chunkOf(bucket.limit) - Math.min(bucket.tokens, 0) }] : [];
      });
      const leases = await this.#lease(due.map(({ id, bucket, want }) => ({ id, limit: bucket.limit, want })));
      due.forEach(({ bucket, want }, index) => {
        const { granted, left } = leases[index] ?? { granted: 0, left: 0 };
        bucket.tokens += granted;
        bucket.left = left;
        bucket.exhausted = granted < want;
        bucket.askAgainAt = bucket.exhausted ? this.#now() + EXHAUSTED_PAUSE_MS : 0;
        bucket.asking = false;
      });
    }
    this.#leasing = false;
  }

  /** Never rejects: alone when the source does not answer. */
  async #lease(asks: readonly LeaseAsk[]): Promise<Lease[]> {
    if (this.#now() - this.#failedAt < FAILURE_PAUSE_MS) return this.#alone.lease(asks);
    try {
      return await within(LEASE_TIMEOUT_MS, this.#source.lease(asks));
    } catch (error) {
      this.#failedAt = this.#now();
      this.#log.warn({ err: error }, 'rate limits are not shared with the other replicas right now');
      return this.#alone.lease(asks);
    }
  }
}

function chunkOf({ perSecond, burst }: Limit): number {
  return Math.max(1, Math.min(burst / 2, Math.max(SMALL_CHUNK, perSecond * CHUNK_SECONDS)));
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
