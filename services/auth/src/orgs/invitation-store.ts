import { AppError, type Invitation, type Role, role } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import type { Place } from '../cursor.ts';

interface Row {
  id: string;
  email: string;
  role: string;
  invited_by: string | null;
  created_at: string;
  expires_at: string;
  accepted_at: string | null;
  revoked_at: string | null;
}

const SELECT = 'SELECT id, email, role, invited_by, created_at, expires_at, accepted_at, revoked_at FROM invitations';

export interface NewInvitation {
  id: string;
  orgId: string;
  email: string;
  role: Role;
  tokenHash: string;
  invitedBy: string | null;
  createdAt: string;
  expiresAt: string;
}

export async function insertInvitation(tx: Sql, invitation: NewInvitation): Promise<Invitation> {
  const rows = await tx.query<Row>(
    `INSERT INTO invitations (id, org_id, email, role, token_hash, invited_by, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     RETURNING id, email, role, invited_by, created_at, expires_at, accepted_at, revoked_at`,
    [
      invitation.id,
      invitation.orgId,
      invitation.email,
      invitation.role,
      invitation.tokenHash,
      invitation.invitedBy,
      invitation.createdAt,
      invitation.expiresAt,
    ],
  );
  return invitationOf(rows[0] as Row);
}

/** How many invitations of an org may still be accepted. */
export async function countOpenInvitations(tx: Sql, orgId: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    `SELECT count(*) AS count FROM invitations
     WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > now()`,
    [orgId],
  );
  return row?.count ?? 0;
}

/** Invitations of an org after a place, oldest first: one more than `limit`. */
export async function readInvitations(
  tx: Sql,
  orgId: string,
  after: Place | null,
  limit: number,
): Promise<Invitation[]> {
  const rows = await tx.query<Row>(
    `${SELECT} WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3))
     ORDER BY created_at, id LIMIT $4`,
    [orgId, after?.[0] ?? null, after?.[1] ?? '', limit + 1],
  );
  return rows.map(invitationOf);
}

/** Takes an invitation back; returns what it was. Throws NOT_FOUND, and CONFLICT when it was accepted. */
export async function revokeInvitation(tx: Sql, orgId: string, id: string): Promise<Invitation> {
  const [row] = await tx.query<Row>(`${SELECT} WHERE org_id = $1 AND id = $2 FOR UPDATE`, [orgId, id]);
  if (!row) throw new AppError('NOT_FOUND', `org ${orgId} has no invitation ${id}: list its invitations`);
  if (row.accepted_at !== null) {
    throw new AppError('CONFLICT', `invitation ${id} was accepted: remove the member instead`);
  }
  await tx.execute('UPDATE invitations SET revoked_at = coalesce(revoked_at, now()) WHERE org_id = $1 AND id = $2', [
    orgId,
    id,
  ]);
  return invitationOf(row);
}

/** The invitation with this token, locked, if it may still be accepted and its org is not suspended; else null. */
export async function lockOpenInvitation(tx: Sql, orgId: string, tokenHash: string): Promise<Invitation | null> {
  const [row] = await tx.query<Row>(
    `${SELECT} WHERE org_id = $1 AND token_hash = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > now()
       AND EXISTS (SELECT FROM organizations o WHERE o.id = $1 AND o.suspended_at IS NULL)
     FOR UPDATE`,
    [orgId, tokenHash],
  );
  return row ? invitationOf(row) : null;
}

export async function markAccepted(tx: Sql, orgId: string, id: string, userId: string): Promise<void> {
  await tx.execute('UPDATE invitations SET accepted_at = now(), accepted_by = $3 WHERE org_id = $1 AND id = $2', [
    orgId,
    id,
    userId,
  ]);
}

function invitationOf(row: Row): Invitation {
  return {
    id: row.id,
    email: row.email,
    role: role.parse(row.role),
    invitedBy: row.invited_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    acceptedAt: row.accepted_at,
    revokedAt: row.revoked_at,
  };
}
