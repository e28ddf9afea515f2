import { AppError, type Member, type Role, role } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

interface Row {
  user_id: string;
  email: string;
  name: string;
  role: string;
  created_at: string;
}

const SELECT = `
  SELECT m.user_id, u.email, u.name, m.role, m.created_at
  FROM memberships m JOIN users u ON u.id = m.user_id`;

/** Members of an org after a user id: one more than `limit`, so that it is known whether there are more. */
export async function readMembers(tx: Sql, orgId: string, after: string | null, limit: number): Promise<Member[]> {
  const rows = await tx.query<Row>(
    `${SELECT} WHERE m.org_id = $1 AND ($2::text IS NULL OR m.user_id > $2) ORDER BY m.user_id LIMIT $3`,
    [orgId, after, limit + 1],
  );
  return rows.map(memberOf);
}

/**
 * One member. Locks the owners of the org until the transaction ends, so that of two who would remove the last two owners at
 * once the second finds one left. Throws NOT_FOUND.
 */
export async function lockMember(tx: Sql, orgId: string, userId: string): Promise<Member> {
  await tx.execute(
    `SELECT 1 FROM memberships WHERE org_id = $1 AND (role = 'owner' OR user_id = $2) ORDER BY user_id FOR UPDATE`,
    [orgId, userId],
  );
  const [row] = await tx.query<Row>(`${SELECT} WHERE m.org_id = $1 AND m.user_id = $2`, [orgId, userId]);
  if (row) return memberOf(row);
  throw new AppError('NOT_FOUND', `${userId} is no member of ${orgId}: list its members to see who is`);
}

/** Throws CONFLICT when there is no other owner than this one. */
export async function requireOtherOwner(tx: Sql, orgId: string, userId: string): Promise<void> {
  const rows = await tx.query(
    `SELECT 1 FROM memberships WHERE org_id = $1 AND role = 'owner' AND user_id <> $2 LIMIT 1`,
    [orgId, userId],
  );
  if (rows.length === 0)
    throw new AppError('CONFLICT', `${userId} is the last owner of ${orgId}: make another one first`);
}

/** Adds a member; false when the person is one already. */
export async function insertMember(
  tx: Sql,
  member: { orgId: string; userId: string; role: Role; createdAt: string },
): Promise<boolean> {
  const added = await tx.execute(
    'INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [member.orgId, member.userId, member.role, member.createdAt],
  );
  return added > 0;
}

export async function saveRole(tx: Sql, orgId: string, userId: string, to: Role): Promise<void> {
  await tx.execute('UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2', [orgId, userId, to]);
}

export async function deleteMember(tx: Sql, orgId: string, userId: string): Promise<void> {
  await tx.execute('DELETE FROM memberships WHERE org_id = $1 AND user_id = $2', [orgId, userId]);
}

function memberOf(row: Row): Member {
  return {
    userId: row.user_id,
    email: row.email,
    name: row.name,
    role: role.parse(row.role),
    createdAt: row.created_at,
  };
}
