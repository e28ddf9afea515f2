import type { Database } from './database.ts';

/** What a replica asks of a bucket: `want` of the tokens that come in at `perSecond`, up to `burst`. */
interface Ask {
  id: string;
  limit: { perSecond: number; burst: number };
  want: number;
}

interface Row {
  id: string;
  granted: number;
  left: number;
}

const VALUES = 'unnest($1::text[], $2::float8[], $3::float8[], $4::float8[]) AS a(id, want, per_second, burst)';
// In the order of the id, so that two replicas never wait for each other in a circle.
const LEASE = `
  WITH a AS (SELECT * FROM ${VALUES}),
  l AS (SELECT b.id, b.tokens, b.updated_at FROM rate_buckets b JOIN a ON a.id = b.id ORDER BY b.id FOR UPDATE OF b),
  r AS (
    SELECT a.id, a.want,
      least(a.burst, l.tokens + a.per_second * greatest(0, extract(epoch FROM clock_timestamp() - l.updated_at))) AS there
    FROM l JOIN a ON a.id = l.id
  )
  UPDATE rate_buckets b SET
    granted = least(r.want, greatest(r.there, 0)),
    tokens = r.there - least(r.want, greatest(r.there, 0)),
    updated_at = greatest(b.updated_at, clock_timestamp())
  FROM r WHERE b.id = r.id
  RETURNING b.id, b.granted, b.tokens AS left`;
const FILL = `
  INSERT INTO rate_buckets (id, tokens, granted, updated_at)
  SELECT a.id, a.burst, 0, clock_timestamp() FROM ${VALUES} ORDER BY a.id
  ON CONFLICT (id) DO NOTHING`;

/** The token buckets that all replicas share, in PostgreSQL. A bucket nobody knows is full. */
export class RateBuckets {
  readonly #db: Pick<Database, 'system'>;

  constructor(db: Pick<Database, 'system'>) {
    this.#db = db;
  }

  /**
   * Takes tokens out of buckets, as many as there are; answers in the order of the asks, whose ids must differ. One statement
   * for all, two when some of the buckets are new.
   */
  async lease(asks: readonly Ask[]): Promise<{ granted: number; left: number }[]> {
    const found = new Map((await this.#leaseKnown(asks)).map((row) => [row.id, row]));
    const missing = asks.filter(({ id }) => !found.has(id));
    if (missing.length > 0) {
      await this.#db.system.execute(FILL, valuesOf(missing));
      for (const row of await this.#leaseKnown(missing)) found.set(row.id, row);
    }
    return asks.map(({ id }) => found.get(id) ?? { granted: 0, left: 0 });
  }

  #leaseKnown(asks: readonly Ask[]): Promise<Row[]> {
    return this.#db.system.query<Row>(LEASE, valuesOf(asks));
  }
}

function valuesOf(asks: readonly Ask[]): unknown[] {
  return [
    asks.map((ask) => ask.id),
    asks.map((ask) => ask.want),
    asks.map((ask) => ask.limit.perSecond),
    asks.map((ask) => ask.limit.burst),
  ];
}
