import type { Database } from './database.ts';

/** What a replica said longer ago than this counts no more: it may have died. */
const FRESH = "interval '10 seconds'";
const MAX_BUCKETS = 10_000;

/** How many connections the replicas have, by what they are limited by (a key, an org, an address), in PostgreSQL. */
export class ConnectionCounts {
  readonly #db: Pick<Database, 'system'>;

  constructor(db: Pick<Database, 'system'>) {
    this.#db = db;
  }

  /** Says what this replica has (all of it: what is left out, it has no more) and returns what all others have together. */
  async exchange(replica: string, own: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    const buckets = [...own.keys()].sort();
    const counts = buckets.map((bucket) => own.get(bucket) ?? 0);
    await this.#db.system.execute('DELETE FROM connection_counts WHERE replica = $1 AND bucket <> ALL ($2::text[])', [
      replica,
      buckets,
    ]);
    if (buckets.length > 0) {
      await this.#db.system.execute(
        `INSERT INTO connection_counts (replica, bucket, count, updated_at)
         SELECT $1, bucket, count, clock_timestamp() FROM unnest($2::text[], $3::int[]) AS o(bucket, count)
         ON CONFLICT (replica, bucket) DO UPDATE SET count = EXCLUDED.count, updated_at = EXCLUDED.updated_at`,
        [replica, buckets, counts],
      );
    }
    const rows = await this.#db.system.query<{ bucket: string; count: number }>(
      `SELECT bucket, sum(count)::bigint AS count FROM connection_counts
       WHERE replica <> $1 AND updated_at > clock_timestamp() - ${FRESH}
       GROUP BY bucket ORDER BY count DESC LIMIT ${MAX_BUCKETS}`,
      [replica],
    );
    return new Map(rows.map((row) => [row.bucket, row.count]));
  }
}
