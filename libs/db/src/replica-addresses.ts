import type { Database } from './database.ts';

/** What a replica said longer ago than this counts no more: it may have died. Three of its announcements. */
const FRESH = "interval '15 seconds'";
const MAX_REPLICAS = 200;

/** Where the replicas of push-gateway are, in PostgreSQL: one row for each. */
export class ReplicaAddresses {
  readonly #db: Pick<Database, 'system'>;

  constructor(db: Pick<Database, 'system'>) {
    this.#db = db;
  }

  /** Says where this replica is and returns where all living ones are, this one included. */
  async announce(replica: string, url: string): Promise<Map<string, string>> {
    await this.#db.system.execute(
      `INSERT INTO push_replicas (replica, url, updated_at) VALUES ($1, $2, clock_timestamp())
       ON CONFLICT (replica) DO UPDATE SET url = EXCLUDED.url, updated_at = EXCLUDED.updated_at`,
      [replica, url],
    );
    await this.#db.system.execute(
      `DELETE FROM push_replicas WHERE updated_at < clock_timestamp() - interval '10 minutes'`,
    );
    const rows = await this.#db.system.query<{ replica: string; url: string }>(
      `SELECT replica, url FROM push_replicas WHERE updated_at > clock_timestamp() - ${FRESH}
       ORDER BY updated_at DESC LIMIT ${MAX_REPLICAS}`,
    );
    return new Map(rows.map((row) => [row.replica, row.url]));
  }

  /** This replica is about to end. */
  async leave(replica: string): Promise<void> {
    await this.#db.system.execute('DELETE FROM push_replicas WHERE replica = $1', [replica]);
  }
}
