import { type Principal, type Rate, ROLE_SCOPES, role, SCOPES, type Scope, type Verified } from '@governsai/contracts';

/** What auth says of a credential, before the access version is added. */
export type Verdict = Omit<Verified, 'version'>;

/** What is stored of the org of a credential. */
interface StoredOrg {
  /** When the org was suspended; null: it is not. */
  suspendedAt: string | null;
  keepRawText: boolean;
  /** Requests a second of all of the org; null: what the installation says. */
  orgRatePerSecond: number | null;
  orgRateBurst: number | null;
}

/** An API key as it is stored. Times are RFC 3339 UTC. */
export interface StoredKey extends StoredOrg {
  id: string;
  orgId: string;
  /** The person it speaks for; null: it belongs to the org. */
  userId: string | null;
  /** The role of that person in the org; null: none (any more). */
  role: string | null;
  scopes: readonly string[];
  cidrs: readonly string[];
  /** When the secret that was shown ends: of the one before the last rotation, the end of the overlap. */
  expiresAt: string | null;
  revokedAt: string | null;
  ratePerSecond: number | null;
  rateBurst: number | null;
}

/** Who a session's token says it is for, its signature and claims checked. */
export interface Session {
  userId: string;
  orgId: string;
  /** The session of this system that it belongs to; null: the token was signed by somebody else. */
  sessionId: string | null;
  /** When it was signed; null: it does not say. */
  issuedAt: string | null;
  expiresAt: string;
}

/** What is stored of a session's user in its org: null for what is not there. */
export interface StoredMembership extends StoredOrg {
  role: string | null;
  /** Sessions of the user that began before are over. */
  sessionsNotBefore: string | null;
  /** Of the session that the token names: null when there is none such, of this user in this org. */
  sessionCreatedAt: string | null;
  sessionExpiresAt: string | null;
  sessionRevokedAt: string | null;
}

export const FAILED: Verdict = { principal: null, reason: 'AUTH_FAILED' };
export const EXPIRED: Verdict = { principal: null, reason: 'AUTH_EXPIRED' };

/** Judges an API key. A revoked key is refused as such even when it has expired too: it was taken away. */
export function judgeKey(key: StoredKey | null, now: Date): Verdict {
  if (!key) return FAILED;
  const { orgId, userId, id: keyId, expiresAt } = key;
  const scopes = scopesOf(key);
  const of = { orgId, userId, keyId };
  if (key.revokedAt !== null || key.suspendedAt !== null || scopes === null) return { ...FAILED, of };
  if (isPast(expiresAt, now)) return { ...EXPIRED, of };
  const principal: Principal = { kind: 'apiKey', orgId, userId, keyId, scopes, expiresAt };
  const cidrs = key.cidrs.length > 0 ? { cidrs: [...key.cidrs] } : {};
  return {
    principal: withTerms(principal, key, { ...cidrs, ...rateOf('rate', key.ratePerSecond, key.rateBurst) }),
    reason: null,
  };
}

/** Judges a session: its user must be a member of its org, whose role decides on the scopes. */
export function judgeSession(session: Session, stored: StoredMembership, now: Date): Verdict {
  const known = role.safeParse(stored.role);
  const { userId, orgId, sessionId } = session;
  // Whoever is no member is no business of this org, whatever the token says.
  if (!known.success) return FAILED;
  const of = { orgId, userId, keyId: null };
  if (stored.suspendedAt !== null || isOver(session, stored)) return { ...FAILED, of };
  if (sessionId !== null && isPast(stored.sessionExpiresAt, now)) return { ...EXPIRED, of };
  const scopes = [...ROLE_SCOPES[known.data]];
  const { expiresAt } = session;
  const principal: Principal = { kind: 'session', orgId, userId, keyId: null, scopes, expiresAt };
  return {
    principal: withTerms(sessionId === null ? principal : { ...principal, sessionId }, stored, {}),
    reason: null,
  };
}

/** Whether the session was ended: by logout, by a refresh token used twice, or with all of its user's. */
function isOver(session: Session, stored: StoredMembership): boolean {
  if (session.sessionId !== null && (stored.sessionCreatedAt === null || stored.sessionRevokedAt !== null)) return true;
  if (stored.sessionsNotBefore === null) return false;
  const began = session.sessionId === null ? session.issuedAt : stored.sessionCreatedAt;
  return began === null || Date.parse(began) < Date.parse(stored.sessionsNotBefore);
}

/** The scopes a key has now; null when its person is no member any more. A scope of another release means nothing here. */
function scopesOf({ userId, role: stored, scopes }: StoredKey): Scope[] | null {
  const own = SCOPES.filter((scope) => scopes.includes(scope));
  if (userId === null) return own;
  const known = role.safeParse(stored);
  if (!known.success) return null;
  // A key must not do what its person may not.
  const ofRole: readonly Scope[] = ROLE_SCOPES[known.data];
  return own.filter((scope) => ofRole.includes(scope));
}

function withTerms(principal: Principal, org: StoredOrg, own: NonNullable<Principal['terms']>): Principal {
  const terms = { ...own, ...rateOf('orgRate', org.orgRatePerSecond, org.orgRateBurst) };
  return {
    ...principal,
    ...(org.keepRawText && { keepRawText: true }),
    ...(Object.keys(terms).length > 0 && { terms }),
  };
}

function rateOf<Name extends 'rate' | 'orgRate'>(
  name: Name,
  perSecond: number | null,
  burst: number | null,
): { [K in Name]?: Rate } {
  if (perSecond === null) return {};
  return { [name]: { perSecond, burst: burst ?? perSecond } } as { [K in Name]?: Rate };
}

function isPast(time: string | null, now: Date): boolean {
  return time !== null && Date.parse(time) <= now.getTime();
}
