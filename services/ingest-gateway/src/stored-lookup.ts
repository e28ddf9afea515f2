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
  /** Questions to PostgreSQL under way at once; above it the answer is empty. */
  maxUnderWay?: number;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** A look-up that gathers what is asked in the same turn of the event loop into one statement. */
export function createStoredLookup({
  db,
  log,
  deadlineMs,
  pauseMs = 1000,
  maxUnderWay = 8,
}: StoredLookupOptions): StoredLookup {
  let gathering: { keys: LookupKey[]; answer: Promise<ReadonlyMap<string, string>> } | null = null;
  let underWay = 0;
  let pausedUntil = 0;

  async function ask(keys: readonly LookupKey[]): Promise<ReadonlyMap<string, string>> {
    if (underWay >= maxUnderWay) return NONE;
    underWay++;
    const query = lookUp(keys).finally(() => underWay--);
    try {
      return await withDeadline(query, deadlineMs);
    } catch (error) {
      query.catch(() => {});
      pausedUntil = Date.now() + pauseMs;
      log.warn({ err: error }, `no answer on stored keys; dedup is answered from memory alone for ${pauseMs} ms`);
      return NONE;
    }
  }

  async function lookUp(keys: readonly LookupKey[]): Promise<ReadonlyMap<string, string>> {
    const orgIds = [...new Set(keys.map((key) => key.orgId))];
    const rows = await db.transaction(orgIds, (tx) =>
      tx.query<{ id: string; body_hash: string }>(
        `WITH asked AS (SELECT * FROM unnest($1::text[], $2::text[]) AS a(org_id, id))
         SELECT d.id, d.body_hash FROM asked a JOIN decisions d ON d.org_id = a.org_id AND d.id = a.id
         UNION ALL
         SELECT e.id, e.body_hash FROM asked a JOIN events e ON e.org_id = a.org_id AND e.id = a.id
         UNION ALL
         SELECT p.id, p.body_hash FROM asked a JOIN pruned_decisions p ON p.org_id = a.org_id AND p.id = a.id`,
        [textArray(keys.map((key) => key.orgId)), textArray(keys.map((key) => key.decisionId))],
      ),
    );
    return new Map(rows.map((row) => [row.id, row.body_hash]));
  }

  return {
    find(keys) {
      if (keys.length === 0 || Date.now() < pausedUntil) return Promise.resolve(NONE);
      if (!gathering) {
        const gathered: LookupKey[] = [];
        const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
          gathering = null;
          return ask(gathered);
        });
        gathering = { keys: gathered, answer };
      }
      gathering.keys.push(...keys);
      return gathering.answer;
    },
  };
}

async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
