import type { AuditItem, AuditLink } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import type { AuditHead, Chained, StoredLink } from './chain.ts';

interface HeadRow {
  org_id: string;
  last_seq: number;
  head_hash: string;
}

/** Makes the heads that are missing and locks those of the orgs, in their order: the lock orders an org's records. */
export async function lockAuditHeads(tx: Sql, orgIds: readonly string[]): Promise<Map<string, AuditHead>> {
  await tx.execute(
    'INSERT INTO audit_chains (org_id) SELECT o FROM unnest($1::text[]) AS o ORDER BY o ON CONFLICT DO NOTHING',
    [orgIds],
  );
  const rows = await tx.query<HeadRow>(
    'SELECT org_id, last_seq, head_hash FROM audit_chains WHERE org_id = ANY($1::text[]) ORDER BY org_id FOR UPDATE',
    [orgIds],
  );
  return new Map(rows.map((row) => [row.org_id, { lastSeq: row.last_seq, headHash: row.head_hash }]));
}

/** Which of (org, id) are stored already, as `org id`. */
export async function knownRecords(tx: Sql, orgIds: readonly string[], ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<{ known: string }>(
    `SELECT l.org_id || ' ' || l.id AS known FROM unnest($1::text[], $2::text[]) AS a(org_id, id)
       JOIN audit_logs l ON l.org_id = a.org_id AND l.id = a.id`,
    [orgIds, ids],
  );
  return new Set(rows.map((row) => row.known));
}

export async function insertRecords(tx: Sql, records: readonly Chained[]): Promise<void> {
  if (records.length === 0) return;
  const column = <K extends keyof AuditLink>(name: K) => records.map(({ link }) => link[name]);
  await tx.execute(
    `INSERT INTO audit_logs (org_id, id, actor, action, target, result, ip, detail, at, seq, recorded_at, record, prev_hash, hash)
     SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
       $9::timestamptz[], $10::bigint[], $11::timestamptz[], $12::text[], $13::text[], $14::text[])`,
    [
      column('orgId'),
      column('id'),
      records.map(({ link }) => JSON.stringify(link.actor)),
      column('action'),
      column('target'),
      column('result'),
      column('ip'),
      records.map(({ link }) => JSON.stringify(link.detail)),
      column('at'),
      column('seq'),
      column('recordedAt'),
      records.map(({ record }) => record),
      column('prevHash'),
      records.map(({ hash }) => hash),
    ],
  );
}

export async function moveAuditHeads(tx: Sql, heads: ReadonlyMap<string, AuditHead>): Promise<void> {
  await tx.execute(
    `UPDATE audit_chains c SET last_seq = h.last_seq, head_hash = h.head_hash
     FROM unnest($1::text[], $2::bigint[], $3::text[]) AS h(org_id, last_seq, head_hash) WHERE c.org_id = h.org_id`,
    [
      [...heads.keys()],
      [...heads.values()].map((head) => head.lastSeq),
      [...heads.values()].map((head) => head.headHash),
    ],
  );
}

/** Which records a client wants. */
export interface AuditFilter {
  /** The action, or the beginning of one and `*`. */
  action?: string | undefined;
  /** The user, key or service that did it. */
  actor?: string | undefined;
  target?: string | undefined;
  result?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

const MATCHES = `
  ($2::text IS NULL OR action = $2 OR (right($2, 1) = '*' AND starts_with(action, left($2, -1))))
  AND ($3::text IS NULL OR actor->>'userId' = $3 OR actor->>'keyId' = $3 OR actor->>'service' = $3)
  AND ($4::text IS NULL OR target = $4) AND ($5::text IS NULL OR result = $5)
  AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)`;

function filterValues(orgId: string, { action, actor, target, result, from, to }: AuditFilter): unknown[] {
  return [orgId, action ?? null, actor ?? null, target ?? null, result ?? null, from ?? null, to ?? null];
}

/** Records before a seq (null: from the newest on), newest first. */
export async function readNewest(
  tx: Sql,
  orgId: string,
  filter: AuditFilter,
  before: number | null,
  limit: number,
): Promise<AuditItem[]> {
  const rows = await tx.query<{ record: string; hash: string }>(
    `SELECT record, hash FROM audit_logs
     WHERE org_id = $1 AND seq IS NOT NULL AND ($8::bigint IS NULL OR seq < $8) AND ${MATCHES} ORDER BY seq DESC LIMIT $9`,
    [...filterValues(orgId, filter), before, limit],
  );
  // What was hashed is what is shown.
  return rows.map(({ record, hash }) => ({ ...(JSON.parse(record) as AuditLink), hash }));
}

/** Records after a seq, oldest first, as text. */
export async function readOldest(
  tx: Sql,
  orgId: string,
  filter: AuditFilter,
  after: number,
  limit: number,
): Promise<{ seq: number; record: string; hash: string }[]> {
  return tx.query(
    `SELECT seq, record, hash FROM audit_logs
     WHERE org_id = $1 AND seq > $8 AND ${MATCHES} ORDER BY seq LIMIT $9`,
    [...filterValues(orgId, filter), after, limit],
  );
}

/** An org's chain: its end, and what comes before its first record that is kept. */
export interface AuditChain extends AuditHead {
  firstSeq: number;
  firstPrevHash: string;
}

/** Null when nothing was ever audited of the org. */
export async function readAuditChain(tx: Sql, orgId: string): Promise<AuditChain | null> {
  const [row] = await tx.query<AuditChain>(
    `SELECT last_seq AS "lastSeq", head_hash AS "headHash", first_seq AS "firstSeq", first_prev_hash AS "firstPrevHash"
     FROM audit_chains WHERE org_id = $1`,
    [orgId],
  );
  return row ?? null;
}

/** Records after a seq, up to a seq, with the columns that must agree with what was hashed. */
export async function readLinks(
  tx: Sql,
  orgId: string,
  after: number,
  upTo: number,
  limit: number,
): Promise<StoredLink[]> {
  type Row = Omit<StoredLink, 'columns'> & Record<string, unknown>;
  const rows = await tx.query<Row>(
    `SELECT seq, record, prev_hash AS "prevHash", hash, org_id AS "orgId", id, actor, action, target, result, ip, detail, at,
       recorded_at AS "recordedAt"
     FROM audit_logs WHERE org_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
    [orgId, after, upTo, limit],
  );
  return rows.map(({ seq, record, prevHash, hash, ...columns }) => ({ seq, record, prevHash, hash, columns }));
}
