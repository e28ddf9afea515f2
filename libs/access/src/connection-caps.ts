import { AppError, type Principal } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import { bucketOf, networkOf } from './admission-limits.ts';

/** How many connections there may be at once, on all replicas together. */
export interface Caps {
  key: number;
  org: number;
  address: number;
}

/** Says what this replica has and returns what all others have together. */
export interface SharedCounts {
  exchange(replica: string, own: ReadonlyMap<string, number>): Promise<Map<string, number>>;
}

export interface ConnectionCapsOptions {
  caps: Caps;
  shared: SharedCounts;
  /** Names this replica, differently at each start. */
  replica: string;
  log: Logger;
}

/** Too many connections: the socket is closed with 4429. */
export class TooManyConnections extends AppError {
  constructor(whose: string) {
    super('RATE_LIMITED', `too many connections of this ${whose}: close some, or retry later`, { retryAfterMs: 5000 });
  }
}

const EXCHANGE_MS = 1000;
/** What a replica has of a cap is told to the others from this share of it on: nobody counts the many that are far from it. */
const TOLD_SHARE = 0.05;

/**
 * Counts connections by key, org and address, over all replicas: each says once a second what it has. So a cap is exceeded by
 * at most what the others opened within that second, and by a twentieth of the cap for each replica, which is too little to be
 * told. While PostgreSQL does not answer, each replica counts alone.
 */
export class ConnectionCaps {
  readonly #options: ConnectionCapsOptions;
  readonly #own = new Map<string, number>();
  #others = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #exchanging: Promise<void> | undefined;

  constructor(options: ConnectionCapsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.exchange(), EXCHANGE_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#exchanging;
    await this.#options.shared.exchange(this.#options.replica, new Map()).catch(() => {});
  }

  /** Counts a connection from an address; returns how to forget it. Throws TooManyConnections above the cap. */
  openFrom(address: string | null): () => void {
    return address === null ? () => {} : this.#hold([['address', `ip:${networkOf(address)}`]]);
  }

  /** Counts a connection of a principal; returns how to forget it. Throws TooManyConnections above a cap. */
  openOf(principal: Principal): () => void {
    return this.#hold([
      ['key', bucketOf(principal)],
      ['org', `org:${principal.orgId}`],
    ]);
  }

  /** Tells the others, and hears of them. Never rejects. */
  exchange(): Promise<void> {
    this.#exchanging ??= this.#exchange().finally(() => {
      this.#exchanging = undefined;
    });
    return this.#exchanging;
  }

  #hold(buckets: readonly (readonly [keyof Caps, string])[]): () => void {
    for (const [kind, bucket] of buckets) {
      const open = (this.#own.get(bucket) ?? 0) + (this.#others.get(bucket) ?? 0);
      if (open >= this.#options.caps[kind]) throw new TooManyConnections(kind);
    }
    for (const [, bucket] of buckets) this.#own.set(bucket, (this.#own.get(bucket) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const [, bucket] of buckets) this.#release(bucket);
    };
  }

  #release(bucket: string): void {
    const left = (this.#own.get(bucket) ?? 0) - 1;
    if (left > 0) this.#own.set(bucket, left);
    else this.#own.delete(bucket);
  }

  async #exchange(): Promise<void> {
    const { caps, shared, replica, log } = this.#options;
    const told = new Map<string, number>();
    for (const [bucket, count] of this.#own) {
      const cap = bucket.startsWith('ip:') ? caps.address : bucket.startsWith('org:') ? caps.org : caps.key;
      if (count >= cap * TOLD_SHARE) told.set(bucket, count);
    }
    try {
      this.#others = await shared.exchange(replica, told);
    } catch (error) {
      this.#others = new Map();
      log.debug({ err: error }, 'connections are not counted together with the other replicas right now');
    }
  }
}
