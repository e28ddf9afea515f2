import { AppError, type Policy, type PolicyRules } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

/** What a client says of a policy. */
export interface PolicyInput {
  name: string;
  userId?: string | null | undefined;
  enabled: boolean;
  rules: PolicyRules;
}

interface Row {
  id: string;
  name: string;
  user_id: string | null;
  enabled: boolean;
  version: number;
  rules: PolicyRules;
  created_at: string;
  updated_at: string;
}

const COLUMNS = 'id, name, user_id, enabled, version, rules, created_at, updated_at';

/**
 * Moves the version of an org's policies, to be called before they are changed in the same transaction: it locks the
 * org's chain head, so that a batch is recorded either wholly before the change or wholly after it.
 */
export async function movePolicyVersion(tx: Sql, orgId: string): Promise<void> {
  await tx.execute('INSERT INTO org_chains (org_id) VALUES ($1) ON CONFLICT (org_id) DO NOTHING', [orgId]);
  await tx.execute('UPDATE org_chains SET policy_version = policy_version + 1 WHERE org_id = $1', [orgId]);
}

/** How many policies an org has. */
export async function countPolicies(tx: Sql, orgId: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>('SELECT count(*) AS count FROM policies WHERE org_id = $1', [orgId]);
  return row?.count ?? 0;
}

/** Policies of an org after `(createdAt, id)`, oldest first. */
export async function listPolicies(
  tx: Sql,
  orgId: string,
  after: { createdAt: string; id: string } | null,
  limit: number,
): Promise<Policy[]> {
  const rows = await tx.query<Row>(
    `SELECT ${COLUMNS} FROM policies WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3))
     ORDER BY created_at, id LIMIT $4`,
    [orgId, after?.createdAt ?? null, after?.id ?? '', limit],
  );
  return rows.map(policyOf);
}

/** One policy. Throws NOT_FOUND. */
export async function readPolicy(tx: Sql, orgId: string, id: string): Promise<Policy> {
  const rows = await tx.query<Row>(`SELECT ${COLUMNS} FROM policies WHERE org_id = $1 AND id = $2`, [orgId, id]);
  return only(rows, orgId, id);
}

/** Adds a policy as version 1. */
export async function insertPolicy(
  tx: Sql,
  orgId: string,
  id: string,
  input: PolicyInput,
  now: string,
): Promise<Policy> {
  const rows = await tx.query<Row>(
    `INSERT INTO policies (id, org_id, user_id, name, version, enabled, rules, created_at, updated_at)
     VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $7) RETURNING ${COLUMNS}`,
    [id, orgId, input.userId ?? null, input.name, input.enabled, input.rules, now],
  );
  return only(rows, orgId, id);
}

/** Replaces a policy by its next version. Throws NOT_FOUND. */
export async function updatePolicy(
  tx: Sql,
  orgId: string,
  id: string,
  input: PolicyInput,
  now: string,
): Promise<Policy> {
  const rows = await tx.query<Row>(
    `UPDATE policies SET user_id = $3, name = $4, enabled = $5, rules = $6, updated_at = $7, version = version + 1
     WHERE org_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [orgId, id, input.userId ?? null, input.name, input.enabled, input.rules, now],
  );
  return only(rows, orgId, id);
}

/** Removes a policy and returns what it was. Throws NOT_FOUND. */
export async function removePolicy(tx: Sql, orgId: string, id: string): Promise<Policy> {
  const rows = await tx.query<Row>(`DELETE FROM policies WHERE org_id = $1 AND id = $2 RETURNING ${COLUMNS}`, [
    orgId,
    id,
  ]);
  return only(rows, orgId, id);
}

function only(rows: readonly Row[], orgId: string, id: string): Policy {
  const row = rows[0];
  if (!row) throw new AppError('NOT_FOUND', `org ${orgId} has no policy ${id}; list its policies to see what there is`);
  return policyOf(row);
}

function policyOf(row: Row): Policy {
  return {
    id: row.id,
    name: row.name,
    userId: row.user_id,
    enabled: row.enabled,
    version: row.version,
    rules: row.rules,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
