import type { Principal } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { authorize, canSubscribe } from './permissions.ts';

const principal: Principal = {
  kind: 'apiKey',
  orgId: 'acme',
  userId: 'ann',
  keyId: 'key-1',
  scopes: ['decisions:read', 'notifications:read'],
  expiresAt: null,
};
const forbidden = expect.objectContaining({ code: 'FORBIDDEN' });

describe('authorize', () => {
  it('lets a scope pass in its own org', () => {
    expect(() => authorize(principal, 'acme', 'decisions:read')).not.toThrow();
  });

  it('G6: refuses another org', () => {
    expect(() => authorize(principal, 'globex', 'decisions:read')).toThrow(forbidden);
  });

  it('refuses a scope the credential lacks', () => {
    expect(() => authorize(principal, 'acme', 'decisions:write')).toThrow(forbidden);
  });
});

describe('canSubscribe', () => {
  it('wants the scope of the channel', () => {
    expect(() => canSubscribe(principal, { kind: 'decisions', orgId: 'acme' })).not.toThrow();
    expect(() => canSubscribe(principal, { kind: 'budget', orgId: 'acme' })).toThrow(forbidden);
  });

  it('G6: refuses the channels of another org, and names the channel', () => {
    expect(() => canSubscribe(principal, { kind: 'decisions', orgId: 'globex' })).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN', channel: 'org:globex:decisions' }),
    );
  });

  it("gives a user's notifications to that user alone", () => {
    expect(() => canSubscribe(principal, { kind: 'notifications', userId: 'ann' })).not.toThrow();
    expect(() => canSubscribe(principal, { kind: 'notifications', userId: 'bob' })).toThrow(forbidden);
    expect(() => canSubscribe({ ...principal, userId: null }, { kind: 'notifications', userId: 'ann' })).toThrow(
      forbidden,
    );
  });
});
