import { type Principal, ROLE_SCOPES, role, SCOPES, type Verified } from '@governsai/contracts';

/** What auth says of a credential, before the access version is added. */
export type Verdict = Omit<Verified, 'version'>;

/** An API key as it is stored. Times are RFC 3339 UTC. */
export interface StoredKey {
  id: string;
  orgId: string;
  userId: string | null;
  scopes: readonly string[];
  expiresAt: string | null;
  revokedAt: string | null;
  /** When the key's org was suspended; null: it is not. */
  suspendedAt: string | null;
}

/** Who a session's token says it is for, its signature and claims checked. */
export interface Session {
  userId: string;
  orgId: string;
  expiresAt: string;
}

/** What is stored of a session's user in its org: null for what is not there. */
export interface StoredMembership {
  role: string | null;
  suspendedAt: string | null;
}

export const FAILED: Verdict = { principal: null, reason: 'AUTH_FAILED' };
export const EXPIRED: Verdict = { principal: null, reason: 'AUTH_EXPIRED' };

/** Judges an API key. A revoked key is FAILED even when it has expired too: it was taken away. */
export function judgeKey(key: StoredKey | null, now: Date): Verdict {
  if (!key || key.revokedAt !== null || key.suspendedAt !== null) return FAILED;
  if (key.expiresAt !== null && Date.parse(key.expiresAt) <= now.getTime()) return EXPIRED;
  const principal: Principal = {
    kind: 'apiKey',
    orgId: key.orgId,
    userId: key.userId,
    keyId: key.id,
    // A scope of another release means nothing here.
    scopes: SCOPES.filter((scope) => key.scopes.includes(scope)),
    expiresAt: key.expiresAt,
  };
  return { principal, reason: null };
}

/** Judges a session: its user must be a member of its org, whose role decides on the scopes. */
export function judgeSession(session: Session, stored: StoredMembership): Verdict {
  const known = role.safeParse(stored.role);
  if (!known.success || stored.suspendedAt !== null) return FAILED;
  const { userId, orgId, expiresAt } = session;
  const scopes = [...ROLE_SCOPES[known.data]];
  return { principal: { kind: 'session', orgId, userId, keyId: null, scopes, expiresAt }, reason: null };
}
