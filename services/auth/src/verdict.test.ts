import { describe, expect, it } from '@jest/globals';
import { judgeKey, judgeSession, type StoredKey } from './verdict.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const key: StoredKey = {
  id: 'key-1',
  orgId: 'acme',
  userId: null,
  scopes: ['decisions:write', 'scope:of-the-future'],
  expiresAt: null,
  revokedAt: null,
  suspendedAt: null,
};

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

  it('refuses a key that is unknown, revoked, or of a suspended org with AUTH_FAILED', () => {
    const past = '2025-01-01T00:00:00.000Z';
    for (const refused of [null, { ...key, revokedAt: past }, { ...key, suspendedAt: past }]) {
      expect(judgeKey(refused, now)).toEqual({ principal: null, reason: 'AUTH_FAILED' });
    }
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
  const session = { userId: 'user-1', orgId: 'acme', expiresAt: '2026-01-02T00:00:00.000Z' };

  it("gives the scopes of the member's role", () => {
    expect(judgeSession(session, { role: 'viewer', suspendedAt: null }).principal?.scopes).toEqual([
      'decisions:read',
      'budget:read',
      'notifications:read',
    ]);
  });

  it('refuses who is no member, has an unknown role, or whose org is suspended', () => {
    for (const stored of [
      { role: null, suspendedAt: null },
      { role: 'emperor', suspendedAt: null },
      { role: 'owner', suspendedAt: '2025-01-01T00:00:00.000Z' },
    ]) {
      expect(judgeSession(session, stored)).toEqual({ principal: null, reason: 'AUTH_FAILED' });
    }
  });
});
