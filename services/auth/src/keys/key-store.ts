import { type ApiKey, AppError, type Rate, SCOPES, type Scope } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import type { Place } from '../cursor.ts';

interface Row {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  user_id: string | null;
  cidrs: string[];
  rate_per_second: number | null;
  rate_burst: number | null;
  expires_at: string | null;
  revoked_at: string | null;
  rotated_at: string | null;
  previous_expires_at: string | null;
  last_used_at: string | null;
  uses: number | null;
  created_by: string | null;
  created_at: string;
}

const SELECT = `
  SELECT k.id, k.name, k.prefix, k.scopes, k.user_id, k.cidrs, k.rate_per_second, k.rate_burst, k.expires_at, k.revoked_at,
    k.rotated_at, k.previous_expires_at, k.created_by, k.created_at, u.last_used_at, u.uses
  FROM api_keys k LEFT JOIN LATERAL (
    SELECT max(last_used_at) AS last_used_at, sum(uses)::bigint AS uses FROM key_usage
    WHERE org_id = k.org_id AND key_id = k.id
  ) u ON true`;

/** What a new key is made of. */
export interface NewKey {
  id: string;
  orgId: string;
  userId: string | null;
  name: string;
  prefix: string;
  keyHash: string;
  scopes: readonly Scope[];
  cidrs: readonly string[];
  rate: Rate | null;
  expiresAt: string | null;
  createdBy: string | null;
  createdAt: string;
}

export async function countKeys(tx: Sql, orgId: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    'SELECT count(*) AS count FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL',
    [orgId],
  );
  return row?.count ?? 0;
}

export async function insertKey(tx: Sql, key: NewKey): Promise<void> {
  await tx.execute(
    `INSERT INTO api_keys (id, org_id, user_id, name, prefix, key_hash, scopes, cidrs, rate_per_second, rate_burst, expires_at,
       created_by, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      key.id,
      key.orgId,
      key.userId,
      key.name,
      key.prefix,
      key.keyHash,
      key.scopes,
      key.cidrs,
      key.rate?.perSecond ?? null,
      key.rate?.burst ?? null,
      key.expiresAt,
      key.createdBy,
      key.createdAt,
    ],
  );
}

/** Keys of an org after a place, oldest first: one more than `limit`, so that it is known whether there are more. */
export async function readKeys(tx: Sql, orgId: string, after: Place | null, limit: number): Promise<ApiKey[]> {
  const rows = await tx.query<Row>(
    `${SELECT} WHERE k.org_id = $1 AND ($2::timestamptz IS NULL OR (k.created_at, k.id) > ($2, $3))
     ORDER BY k.created_at, k.id LIMIT $4`,
    [orgId, after?.[0] ?? null, after?.[1] ?? '', limit + 1],
  );
  return rows.map(keyOf);
}

/** One key. Throws NOT_FOUND. */
export async function readKey(tx: Sql, orgId: string, id: string): Promise<ApiKey> {
  const [row] = await tx.query<Row>(`${SELECT} WHERE k.org_id = $1 AND k.id = $2`, [orgId, id]);
  if (row) return keyOf(row);
  throw new AppError('NOT_FOUND', `org ${orgId} has no key ${id}: list its keys to see what there is`);
}

/** One key, locked until the transaction ends. Throws NOT_FOUND, and CONFLICT when it is revoked: that is for ever. */
export async function lockLiveKey(tx: Sql, orgId: string, id: string): Promise<ApiKey> {
  await tx.execute('SELECT 1 FROM api_keys WHERE org_id = $1 AND id = $2 FOR UPDATE', [orgId, id]);
  const key = await readKey(tx, orgId, id);
  if (key.revokedAt === null) return key;
  throw new AppError('CONFLICT', `key ${id} was revoked, which is for ever: create another one`);
}

/** Writes what a client may change of a key. */
export async function saveKey(
  tx: Sql,
  orgId: string,
  key: Pick<ApiKey, 'id' | 'name' | 'cidrs' | 'rate' | 'expiresAt'>,
): Promise<void> {
  await tx.execute(
    `UPDATE api_keys SET name = $3, cidrs = $4, rate_per_second = $5, rate_burst = $6, expires_at = $7
     WHERE org_id = $1 AND id = $2`,
    [orgId, key.id, key.name, key.cidrs, key.rate?.perSecond ?? null, key.rate?.burst ?? null, key.expiresAt],
  );
}

/** Gives a key a new secret; the present one works until `previousExpiresAt`, null: no longer. */
export async function replaceSecret(
  tx: Sql,
  orgId: string,
  id: string,
  secret: { hash: string; prefix: string },
  now: string,
  previousExpiresAt: string | null,
): Promise<void> {
  await tx.execute(
    `UPDATE api_keys SET previous_hash = CASE WHEN $6::timestamptz IS NULL THEN NULL ELSE key_hash END,
       previous_expires_at = $6, key_hash = $3, prefix = $4, rotated_at = $5
     WHERE org_id = $1 AND id = $2`,
    [orgId, id, secret.hash, secret.prefix, now, previousExpiresAt],
  );
}

/** Ends a key for ever. */
export async function revoke(tx: Sql, orgId: string, id: string, now: string): Promise<void> {
  await tx.execute('UPDATE api_keys SET revoked_at = $3 WHERE org_id = $1 AND id = $2', [orgId, id, now]);
}

/** Ends the keys that speak for a person; returns their ids. */
export async function revokeKeysOf(tx: Sql, orgId: string, userId: string, now: string): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    'UPDATE api_keys SET revoked_at = $3 WHERE org_id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id',
    [orgId, userId, now],
  );
  return rows.map((row) => row.id);
}

function keyOf(row: Row): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: SCOPES.filter((scope) => row.scopes.includes(scope)),
    userId: row.user_id,
    cidrs: row.cidrs,
    rate:
      row.rate_per_second === null
        ? null
        : { perSecond: row.rate_per_second, burst: row.rate_burst ?? row.rate_per_second },
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    rotatedAt: row.rotated_at,
    previousExpiresAt: row.previous_expires_at,
    lastUsedAt: row.last_used_at,
    uses: row.uses ?? 0,
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}
