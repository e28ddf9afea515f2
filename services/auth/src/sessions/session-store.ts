import { type Role, role } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

/** A refresh token that was presented, with what decides on it. Times are RFC 3339 UTC. */
export interface PresentedToken {
  sessionId: string;
  userId: string;
  /** When it was traded before; null: never. */
  usedAt: string | null;
  revokedAt: string | null;
  createdAt: string;
  expiresAt: string;
  /** Null: no member any more. */
  role: Role | null;
  suspendedAt: string | null;
  sessionsNotBefore: string | null;
}

/** Begins a session. */
export async function insertSession(
  tx: Sql,
  session: { id: string; orgId: string; userId: string; createdAt: string; expiresAt: string },
): Promise<void> {
  await tx.execute('INSERT INTO sessions (id, org_id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)', [
    session.id,
    session.orgId,
    session.userId,
    session.createdAt,
    session.expiresAt,
  ]);
}

export async function insertRefreshToken(
  tx: Sql,
  token: { hash: string; orgId: string; sessionId: string; createdAt: string },
): Promise<void> {
  await tx.execute('INSERT INTO refresh_tokens (token_hash, org_id, session_id, created_at) VALUES ($1, $2, $3, $4)', [
    token.hash,
    token.orgId,
    token.sessionId,
    token.createdAt,
  ]);
}

/** Locks the session of a refresh token, so that of two who present it at once the second finds it used. */
export async function lockPresented(tx: Sql, orgId: string, tokenHash: string): Promise<PresentedToken | null> {
  const [locked] = await tx.query<{ id: string }>(
    `SELECT id FROM sessions WHERE org_id = $1
       AND id = (SELECT session_id FROM refresh_tokens WHERE org_id = $1 AND token_hash = $2) FOR UPDATE`,
    [orgId, tokenHash],
  );
  if (!locked) return null;
  const [row] = await tx.query<PresentedToken>(
    `SELECT s.id AS "sessionId", s.user_id AS "userId", t.used_at AS "usedAt", s.revoked_at AS "revokedAt",
       s.created_at AS "createdAt", s.expires_at AS "expiresAt", m.role, o.suspended_at AS "suspendedAt",
       u.sessions_not_before AS "sessionsNotBefore"
     FROM refresh_tokens t
       JOIN sessions s ON s.id = t.session_id
       JOIN organizations o ON o.id = s.org_id
       JOIN users u ON u.id = s.user_id
       LEFT JOIN memberships m ON m.org_id = s.org_id AND m.user_id = s.user_id
     WHERE t.org_id = $1 AND t.token_hash = $2`,
    [orgId, tokenHash],
  );
  return row ? { ...row, role: role.safeParse(row.role).data ?? null } : null;
}

export async function markUsed(tx: Sql, orgId: string, tokenHash: string, at: string): Promise<void> {
  await tx.execute('UPDATE refresh_tokens SET used_at = $3 WHERE org_id = $1 AND token_hash = $2', [
    orgId,
    tokenHash,
    at,
  ]);
}

/** Ends a session, unless it was ended before; whether it was this call. */
export async function revokeSession(tx: Sql, orgId: string, id: string, reason: string): Promise<boolean> {
  const ended = await tx.execute(
    'UPDATE sessions SET revoked_at = now(), revoked_reason = $3 WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL',
    [orgId, id, reason],
  );
  return ended > 0;
}

/** Ends every session of a person in an org. */
export async function revokeSessionsOf(tx: Sql, orgId: string, userId: string, reason: string): Promise<void> {
  await tx.execute(
    'UPDATE sessions SET revoked_at = now(), revoked_reason = $3 WHERE org_id = $1 AND user_id = $2 AND revoked_at IS NULL',
    [orgId, userId, reason],
  );
}
