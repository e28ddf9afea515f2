import { describe, expect, it } from '@jest/globals';
import { judgeKey, judgeSession, type StoredKey, type StoredMembership } from './verdict.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const org = { suspendedAt: null, keepRawText: false, orgRatePerSecond: null, orgRateBurst: null };
const key: StoredKey = {
  ...org,
  id: 'key-1',
  orgId: 'acme',
  userId: null,
  role: null,
  scopes: ['decisions:write', 'scope:of-the-future'],
  cidrs: [],
  expiresAt: null,
  revokedAt: null,
  ratePerSecond: null,
  rateBurst: null,
};
const of = { orgId: 'acme', userId: null, keyId: 'key-1' };

describe('the verdict on an API key', () => {
  it('names the principal, with the scopes this release knows', () => {
    expect(judgeKey(key, now)).toEqual({
      principal: {
        kind: 'apiKey',
        orgId: 'acme',
        userId: null,
        keyId: 'key-1',
        scopes: ['decisions:write'],
        expiresAt: null,
      },
      reason: null,
    });
  });

  it('says how it may be used, and what its org wants', () => {
    const limited = {
      ...key,
      cidrs: ['192.0.2.0/24'],
      ratePerSecond: 5,
      rateBurst: null,
      orgRatePerSecond: 9,
      orgRateBurst: 20,
    };
    expect(judgeKey({ ...limited, keepRawText: true }, now).principal).toMatchObject({
      keepRawText: true,
      terms: { cidrs: ['192.0.2.0/24'], rate: { perSecond: 5, burst: 5 }, orgRate: { perSecond: 9, burst: 20 } },
    });
  });

  it('ends the scopes of a personal key where the role of its person ends', () => {
    const personal = { ...key, userId: 'ann', scopes: ['decisions:read', 'org:admin'] };
    expect(judgeKey({ ...personal, role: 'viewer' }, now).principal?.scopes).toEqual(['decisions:read']);
    expect(judgeKey({ ...personal, role: 'owner' }, now).principal?.scopes).toEqual(['decisions:read', 'org:admin']);
  });

  it('refuses the key of a person who is no member any more', () => {
    expect(judgeKey({ ...key, userId: 'ann', role: null }, now)).toEqual({
      principal: null,
      reason: 'AUTH_FAILED',
      of: { ...of, userId: 'ann' },
    });
  });

  it('refuses a key that is revoked, or of a suspended org, with AUTH_FAILED, and knows whose it is', () => {
    const past = '2025-01-01T00:00:00.000Z';
    for (const refused of [
      { ...key, revokedAt: past },
      { ...key, suspendedAt: past },
    ]) {
      expect(judgeKey(refused, now)).toEqual({ principal: null, reason: 'AUTH_FAILED', of });
    }
    expect(judgeKey(null, now)).toEqual({ principal: null, reason: 'AUTH_FAILED' });
  });

  it('refuses a key from the moment it expires with AUTH_EXPIRED', () => {
    const expiresAt = now.toISOString();
    expect(judgeKey({ ...key, expiresAt }, now).reason).toBe('AUTH_EXPIRED');
    expect(judgeKey({ ...key, expiresAt }, new Date(now.getTime() - 1)).principal).not.toBeNull();
  });

  it('refuses a revoked key with AUTH_FAILED even when it has expired too', () => {
    const past = '2025-01-01T00:00:00.000Z';
    expect(judgeKey({ ...key, expiresAt: past, revokedAt: past }, now).reason).toBe('AUTH_FAILED');
  });
});

describe('the verdict on a session', () => {
  const began = '2025-12-31T12:00:00.000Z';
  const session = {
    userId: 'user-1',
    orgId: 'acme',
    sessionId: 'ses_1',
    issuedAt: began,
    expiresAt: '2026-01-02T00:00:00.000Z',
  };
  const stored: StoredMembership = {
    ...org,
    role: 'viewer',
    sessionsNotBefore: null,
    sessionCreatedAt: began,
    sessionExpiresAt: '2026-02-01T00:00:00.000Z',
    sessionRevokedAt: null,
  };

  it("gives the scopes of the member's role", () => {
    expect(judgeSession(session, stored, now).principal).toEqual({
      kind: 'session',
      orgId: 'acme',
      userId: 'user-1',
      keyId: null,
      sessionId: 'ses_1',
      scopes: ['decisions:read', 'budget:read', 'notifications:read'],
      expiresAt: session.expiresAt,
    });
  });

  it.each([
    ['of who is no member', { role: null }],
    ['of an unknown role', { role: 'emperor' }],
    ['of a suspended org', { suspendedAt: began }],
    ['that was revoked', { sessionRevokedAt: began }],
    ['that nobody has stored', { sessionCreatedAt: null }],
    ['that began before all of its user were ended', { sessionsNotBefore: '2025-12-31T13:00:00.000Z' }],
  ])('refuses one %s', (_what, change) => {
    expect(judgeSession(session, { ...stored, ...change }, now).reason).toBe('AUTH_FAILED');
  });

  it('ends with the session, whatever its token says', () => {
    expect(judgeSession(session, { ...stored, sessionExpiresAt: now.toISOString() }, now).reason).toBe('AUTH_EXPIRED');
  });

  it('takes a token of somebody else for what it says, unless all sessions of its user were ended since', () => {
    const foreign = { ...session, sessionId: null };
    const unknown = { ...stored, sessionCreatedAt: null, sessionExpiresAt: null };
    expect(judgeSession(foreign, unknown, now).principal).not.toBeNull();
    const ended = { ...unknown, sessionsNotBefore: '2025-12-31T13:00:00.000Z' };
    expect(judgeSession(foreign, ended, now).reason).toBe('AUTH_FAILED');
    expect(judgeSession({ ...foreign, issuedAt: null }, ended, now).reason).toBe('AUTH_FAILED');
  });
});
