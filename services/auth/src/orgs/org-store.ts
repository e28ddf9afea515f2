import { SYSTEM_ORG } from '@governsai/access';
import { AppError, type Org } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

interface Row {
  id: string;
  name: string;
  keep_raw_text: boolean;
  created_at: string;
}

/** Adds an org. Throws CONFLICT when the name is taken, by an org or by ourselves. */
export async function insertOrg(tx: Sql, org: { id: string; name: string; createdAt: string }): Promise<void> {
  const added =
    org.id === SYSTEM_ORG
      ? 0
      : await tx.execute(
          'INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
          [org.id, org.name, org.createdAt],
        );
  if (added === 0) throw new AppError('CONFLICT', `id: ${org.id} is taken: choose another one`, { path: 'id' });
}

/** One org, locked until the transaction ends where `lock` says so. Throws NOT_FOUND. */
export async function readOrg(tx: Sql, id: string, lock: 'lock' | 'look' = 'look'): Promise<Org> {
  const [row] = await tx.query<Row>(
    `SELECT id, name, keep_raw_text, created_at FROM organizations WHERE id = $1${lock === 'lock' ? ' FOR UPDATE' : ''}`,
    [id],
  );
  if (!row) throw new AppError('NOT_FOUND', `there is no org ${id}: check its name`);
  return { id: row.id, name: row.name, keepRawText: row.keep_raw_text, createdAt: row.created_at };
}

export async function saveOrg(tx: Sql, org: Org): Promise<void> {
  await tx.execute('UPDATE organizations SET name = $2, keep_raw_text = $3 WHERE id = $1', [
    org.id,
    org.name,
    org.keepRawText,
  ]);
}

/** Stops or resumes an org; whether that changed anything. */
export async function setSuspended(tx: Sql, id: string, suspended: boolean): Promise<boolean> {
  const changed = await tx.execute(
    `UPDATE organizations SET suspended_at = CASE WHEN $2 THEN now() END
     WHERE id = $1 AND (suspended_at IS NOT NULL) <> $2`,
    [id, suspended],
  );
  return changed > 0;
}
