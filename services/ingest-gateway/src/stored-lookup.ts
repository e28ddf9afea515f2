import { setImmediate as endOfTurn } from 'node:timers/promises';
import { type Database, textArray } from '@governsai/db';
import type { Logger } from '@governsai/service';

/** An id to look up, within its org. */
interface LookupKey {
  orgId: string;
  decisionId: string;
}

/** Answers which ids PostgreSQL has stored. */
export interface StoredLookup {
  /**
   * Body hashes by decision id, for those of `keys` that are stored. Empty when PostgreSQL does not answer within the
   * deadline: the caller then says `dedup: false`, which may be wrong but harms nothing (G2). Never rejects.
   */
  find(keys: readonly LookupKey[]): Promise<ReadonlyMap<string, string>>;
}

export interface StoredLookupOptions {
  db: Database;
  log: Logger;
  /** How long an ingest waits for the answer at most. */
  deadlineMs: number;
  /** After a failure, how long nobody asks: an outage must not cost every request the deadline. */
  pauseMs?: number;
}

// In one statement. Only an outage gathers more, within the deadline; the answer for what is above is empty.
const MAX_KEYS = 10_000;

const NONE: ReadonlyMap<string, string> = new Map();

/** A look-up with one question to PostgreSQL under way: what is asked meanwhile goes with the next, in one statement. */
export function createStoredLookup({ db, log, deadlineMs, pauseMs = 1000 }: StoredLookupOptions): StoredLookup {
  let next: { keys: LookupKey[]; answer: Promise<ReadonlyMap<string, string>> } | null = null;
  let underWay: Promise<unknown> = Promise.resolve();
  let pausedUntil = 0;

  async function ask(keys: readonly LookupKey[], deadline: number): Promise<ReadonlyMap<string, string>> {
    if (Date.now() < pausedUntil) return NONE;
    const query = lookUp(keys);
    try {
      return await withDeadline(query, deadline - performance.now());
    } catch (error) {
      query.catch(() => {});
      pausedUntil = Date.now() + pauseMs;
      log.warn({ err: error }, `no answer on stored keys; dedup is answered from memory alone for ${pauseMs} ms`);
      return NONE;
    }
  }

  async function lookUp(keys: readonly LookupKey[]): Promise<ReadonlyMap<string, string>> {
    const rows = await db.system.query<{ id: string; body_hash: string }>(
      'SELECT id, body_hash FROM stored_bodies($1::text[], $2::text[])',
      [textArray(keys.map((key) => key.orgId)), textArray(keys.map((key) => key.decisionId))],
    );
    return new Map(rows.map((row) => [row.id, row.body_hash]));
  }

  return {
    find(keys) {
      if (keys.length === 0 || Date.now() < pausedUntil) return Promise.resolve(NONE);
      if (!next) {
        const gathered: LookupKey[] = [];
        const deadline = performance.now() + deadlineMs;
        const answer = underWay
          .then(() => endOfTurn())
          .then(() => {
            next = null;
            return ask(gathered, deadline);
          });
        next = { keys: gathered, answer };
        underWay = answer;
      }
      if (next.keys.length + keys.length > MAX_KEYS) return Promise.resolve(NONE);
      next.keys.push(...keys);
      return next.answer;
    },
  };
}

async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('PostgreSQL did not answer in time')), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
