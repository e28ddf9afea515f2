import {
  AppError,
  type ChainRecord,
  decisionViewOf,
  effectiveUserId,
  type Person,
  type StoredDecision,
} from '@governsai/contracts';
import type { Database } from '@governsai/db';

/** What a list is narrowed by; every field that is given must hold. */
export interface DecisionFilter {
  direction?: string | undefined;
  decision?: string | undefined;
  tool?: string | undefined;
  tag?: string | undefined;
  correlationId?: string | undefined;
  /** RFC 3339; decided at or after. */
  from?: string | undefined;
  /** RFC 3339; decided before. */
  to?: string | undefined;
}

interface Row {
  seq: number;
  record: string;
  hash: string;
  person: Person | null;
}

/** Up to `limit` decisions of an org with a seq above `afterSeq`, in the order of seq. */
export async function readDecisions(
  db: Database,
  orgId: string,
  afterSeq: number,
  limit: number,
  filter: DecisionFilter,
): Promise<StoredDecision[]> {
  const values: unknown[] = [orgId, afterSeq, limit];
  const conditions = ['org_id = $1', 'seq > $2'];
  const where = (condition: (place: string) => string, value: unknown) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  where((p) => `direction = ${p}`, filter.direction);
  where((p) => `decision = ${p}`, filter.decision);
  where((p) => `tool = ${p}`, filter.tool);
  where((p) => `tags @> ARRAY[${p}::text]`, filter.tag);
  where((p) => `correlation_id = ${p}`, filter.correlationId);
  where((p) => `ts >= ${p}::timestamptz`, filter.from);
  where((p) => `ts < ${p}::timestamptz`, filter.to);
  const rows = await db.transaction([orgId], (tx) =>
    tx.query<Row>(
      `SELECT seq, record, hash, person FROM decisions WHERE ${conditions.join(' AND ')} ORDER BY seq LIMIT $3`,
      values,
    ),
  );
  return rows.map(storedDecisionOf);
}

/** One decision by its id. Throws NOT_FOUND. */
export async function readDecision(db: Database, orgId: string, id: string): Promise<StoredDecision> {
  const rows = await db.transaction([orgId], (tx) =>
    tx.query<Row>('SELECT seq, record, hash, person FROM decisions WHERE org_id = $1 AND id = $2', [orgId, id]),
  );
  const row = rows[0];
  if (!row) throw new AppError('NOT_FOUND', `org ${orgId} has no decision ${id}; check the id, or list its decisions`);
  return storedDecisionOf(row);
}

function storedDecisionOf(row: Row): StoredDecision {
  const record = JSON.parse(row.record) as ChainRecord;
  return {
    ...decisionViewOf(record, row.hash),
    seq: record.seq,
    idempotencyKey: record.idempotencyKey,
    payloadHash: record.payloadHash ?? null,
    reasons: record.reasons ?? [],
    policyId: record.policyId ?? null,
    userId: effectiveUserId(row.person),
    keyId: record.keyId ?? null,
    usage: (record.usage as StoredDecision['usage']) ?? null,
    prevHash: record.prevHash,
    receivedAt: record.receivedAt,
    recordedAt: record.recordedAt,
  };
}
