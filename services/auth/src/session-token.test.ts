import { describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { readSessionToken } from './session-token.ts';

const options = { secret: 'a secret of at least 32 characters', issuer: 'governsai', audience: 'governsai' };
const now = new Date('2026-01-01T00:00:00.000Z');
const seconds = now.getTime() / 1000;
const claims = { sub: 'user-1', org: 'acme', iss: 'governsai', aud: 'governsai', iat: seconds, exp: seconds + 60 };

const without = (name: keyof typeof claims) =>
  Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name));

const read = (payload: object, sign: jwt.SignOptions = {}, secret = options.secret) =>
  readSessionToken(jwt.sign(payload, secret, { algorithm: 'HS256', ...sign }), options, now);

describe('a session token', () => {
  it('names its user, its org and its end', () => {
    expect(read(claims)).toEqual({ userId: 'user-1', orgId: 'acme', expiresAt: '2026-01-01T00:01:00.000Z' });
  });

  it('is AUTH_EXPIRED from its exp on', () => {
    expect(read({ ...claims, exp: seconds })).toEqual({ principal: null, reason: 'AUTH_EXPIRED' });
  });

  it.each([
    ['signed with another secret', () => read(claims, {}, 'another secret of at least 32 characters')],
    ['signed with another algorithm', () => read(claims, { algorithm: 'HS512' })],
    ['of another issuer', () => read({ ...claims, iss: 'somebody' })],
    ['for another audience', () => read({ ...claims, aud: 'somebody' })],
    ['without an end', () => read(without('exp'))],
    ['without an org', () => read(without('org'))],
    ['whose org is no slug', () => read({ ...claims, org: 'acme,globex' })],
    ['without a user', () => read(without('sub'))],
    ['of no algorithm', () => readSessionToken(jwt.sign(claims, '', { algorithm: 'none' }), options, now)],
    ['that is no JWT', () => readSessionToken('nonsense', options, now)],
  ])('is refused %s', (_what, attempt) => {
    expect(attempt()).toEqual({ principal: null, reason: 'AUTH_FAILED' });
  });
});
