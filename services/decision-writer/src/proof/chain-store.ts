import type { Database, Sql } from '@governsai/db';
import type { DecisionRow, Place, SignedCheckpoint } from '@governsai/verifier';

/** Where an org's chain begins and ends. Retention moves `before`, recording moves `head`. */
export interface ChainBounds {
  /** The place before the first decision kept. */
  before: Place;
  head: Place;
}

// Rows of one page of a long read: some 2 MiB of memory, and a transaction of a few milliseconds.
const PAGE = 1000;

/** The bounds of an org's chain; both are the beginning when nothing was ever recorded. */
export async function chainBounds(tx: Sql, orgId: string): Promise<ChainBounds> {
  const [row] = await tx.query<{ first_seq: number; first_prev_hash: string; last_seq: number; head_hash: string }>(
    'SELECT first_seq, first_prev_hash, last_seq, head_hash FROM org_chains WHERE org_id = $1',
    [orgId],
  );
  if (!row) return { before: BEGINNING, head: BEGINNING };
  return {
    before: { seq: row.first_seq - 1, hash: row.first_prev_hash },
    head: { seq: row.last_seq, hash: row.head_hash },
  };
}

/** What lies outside of an org's chain by its bounds, where nothing should. */
export interface Outside {
  /** Of the decisions kept: the lowest below the first, the lowest above the head. Null: none. */
  below: number | null;
  above: number | null;
  /** How many decisions were pruned, and the first of those before the first one kept that is not among them. */
  pruned: number;
  unpruned: number | null;
}

/** The bounds of an org's chain and what lies outside of them, at one moment. */
export async function chainExtent(tx: Sql, orgId: string): Promise<ChainBounds & { outside: Outside }> {
  // One statement is one snapshot: a decision recorded meanwhile is above no head.
  const [row] = await tx.query<
    Outside & { first_seq: number; first_prev_hash: string; last_seq: number; head_hash: string }
  >(
    `WITH chain AS (
       SELECT coalesce(c.first_seq, 1) AS first_seq, coalesce(c.first_prev_hash, $2) AS first_prev_hash,
         coalesce(c.last_seq, 0) AS last_seq, coalesce(c.head_hash, $2) AS head_hash
       FROM (SELECT $1::text AS org_id) o LEFT JOIN org_chains c USING (org_id)
     )
     SELECT chain.*,
       (SELECT min(seq) FROM decisions WHERE org_id = $1 AND seq < first_seq) AS below,
       (SELECT min(seq) FROM decisions WHERE org_id = $1 AND seq > last_seq) AS above,
       (SELECT count(*) FROM pruned_decisions WHERE org_id = $1) AS pruned,
       (SELECT min(s) FROM generate_series(1, first_seq - 1) s
        WHERE NOT EXISTS (SELECT FROM pruned_decisions WHERE org_id = $1 AND seq = s)) AS unpruned
     FROM chain`,
    [orgId, BEGINNING.hash],
  );
  if (!row) throw new Error('a SELECT of one row has none');
  const { first_seq: first, first_prev_hash: hash, last_seq: last, head_hash: head, ...outside } = row;
  return { before: { seq: first - 1, hash }, head: { seq: last, hash: head }, outside };
}

/** Before the first decision of every chain. */
export const BEGINNING: Place = { seq: 0, hash: '0'.repeat(64) };

/** The stored decisions of an org with `after` < seq ≤ `upTo`, page by page, each page as of when it is read. */
export async function* storedRows(
  db: Database,
  orgId: string,
  after: number,
  upTo: number,
): AsyncGenerator<DecisionRow[], void, void> {
  let last = after;
  while (last < upTo) {
    const rows = await db.transaction([orgId], (tx) =>
      tx.query<DecisionRow>(
        `SELECT org_id AS "orgId", seq, id, direction, decision, tool,
           correlation_id AS "correlationId", tags, ${exactly('ts')} AS ts, ${exactly('recorded_at')} AS "recordedAt",
           record, prev_hash AS "prevHash", hash, person, person_salt AS "personSalt", body_hash AS "bodyHash"
         FROM decisions WHERE org_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT ${PAGE}`,
        [orgId, last, upTo],
      ),
    );
    const end = rows.at(-1);
    if (!end) return;
    yield rows;
    last = end.seq;
  }
}

/** A time as RFC 3339 with milliseconds, and with microseconds where it has any: nothing written into it goes unseen. */
function exactly(column: 'ts' | 'recorded_at'): string {
  return `regexp_replace(to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '000$', '') || 'Z'`;
}

/** The checkpoints of an org with `from` ≤ seq ≤ `to`, by seq. */
export async function checkpointsBetween(
  db: Database,
  orgId: string,
  from: number,
  to: number,
): Promise<SignedCheckpoint[]> {
  const rows = await db.transaction([orgId], (tx) =>
    tx.query<CheckpointRow>(
      `SELECT ${COLUMNS} FROM checkpoints WHERE org_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq, at, key_id`,
      [orgId, from, to],
    ),
  );
  return rows.map(checkpointOf);
}

/** The last checkpoint of an org; null when there is none. */
export async function lastCheckpoint(tx: Sql, orgId: string): Promise<SignedCheckpoint | null> {
  const [row] = await tx.query<CheckpointRow>(
    `SELECT ${COLUMNS} FROM checkpoints WHERE org_id = $1 ORDER BY seq DESC, at DESC LIMIT 1`,
    [orgId],
  );
  return row ? checkpointOf(row) : null;
}

/** Stores a checkpoint; one of the same place and key stays as it is. */
export async function insertCheckpoint(tx: Sql, { checkpoint, publicKey, signature }: SignedCheckpoint): Promise<void> {
  await tx.execute(
    `INSERT INTO checkpoints (org_id, seq, head, at, key_id, public_key, signature)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [checkpoint.orgId, checkpoint.seq, checkpoint.head, checkpoint.at, checkpoint.keyId, publicKey, signature],
  );
}

const COLUMNS = 'org_id, seq, head, at, key_id, public_key, signature';

interface CheckpointRow {
  org_id: string;
  seq: number;
  head: string;
  at: string;
  key_id: string;
  public_key: string;
  signature: string;
}

function checkpointOf(row: CheckpointRow): SignedCheckpoint {
  return {
    checkpoint: { orgId: row.org_id, seq: row.seq, head: row.head, at: row.at, keyId: row.key_id },
    publicKey: row.public_key,
    signature: row.signature,
  };
}
