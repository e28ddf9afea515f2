import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { IdentityProvider } from './identity-provider.ts';
import { JwksCache } from './jwks.ts';
import { secretId, TokenReader } from './token-reader.ts';

const own = {
  secret: 'a secret of at least 32 characters',
  previousSecret: 'the secret of at least 32 characters before',
  issuer: 'governsai',
  audience: 'governsai',
  skewSeconds: 0,
};
const now = new Date('2026-01-01T00:00:00.000Z');
const seconds = now.getTime() / 1000;
const claims = { sub: 'user-1', org: 'acme', iss: 'governsai', aud: 'governsai', iat: seconds, exp: seconds + 60 };
const session = {
  userId: 'user-1',
  orgId: 'acme',
  sessionId: null,
  issuedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T00:01:00.000Z',
};
const failed = { principal: null, reason: 'AUTH_FAILED' };

const without = (name: keyof typeof claims) =>
  Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name));
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a session token of our own', () => {
  const reader = new TokenReader(own);
  const read = (payload: object, sign: jwt.SignOptions = {}, secret = own.secret) =>
    reader.read(jwt.sign(payload, secret, { algorithm: 'HS256', ...sign }), now);

  it('names its user, its org and its end', async () => {
    expect(await read(claims)).toEqual(session);
  });

  it('names the session that it belongs to, if that began here', async () => {
    expect(await read({ ...claims, sid: 'ses_1' })).toEqual({ ...session, sessionId: 'ses_1' });
    expect(await read({ ...claims, sid: 'somebody else’s' })).toEqual(session);
  });

  it('is AUTH_EXPIRED from its exp on', async () => {
    expect(await read({ ...claims, exp: seconds })).toEqual({ principal: null, reason: 'AUTH_EXPIRED' });
  });

  it('is read for a while after its exp when clocks may differ, and says until when', async () => {
    const lenient = new TokenReader({ ...own, skewSeconds: 30 });
    const token = jwt.sign({ ...claims, exp: seconds - 29 }, own.secret);
    expect(await lenient.read(token, now)).toMatchObject({ expiresAt: '2026-01-01T00:00:01.000Z' });
  });

  it('is read when it was signed with the secret before, whether it names it or not', async () => {
    expect(await read(claims, { keyid: secretId(own.previousSecret) }, own.previousSecret)).toEqual(session);
    expect(await read(claims, {}, own.previousSecret)).toEqual(session);
    expect(await read(claims, { keyid: secretId(own.secret) }, own.previousSecret)).toEqual(failed);
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
    ['of no algorithm', () => reader.read(jwt.sign(claims, '', { algorithm: 'none' }), now)],
    ['of no algorithm, oddly spelt', () => reader.read(`${part({ alg: 'nOnE' })}.${part(claims)}.`, now)],
    ['with a critical extension', () => read(claims, { header: { alg: 'HS256', crit: ['x'] } as jwt.JwtHeader })],
    ['that is no JWT', () => reader.read('nonsense', now)],
  ])('is refused %s', async (_what, attempt) => {
    expect(await attempt()).toEqual(failed);
  });
});

describe('a token of an identity provider', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = (key: KeyObject, kid: string, more: object = {}) => ({
    ...key.export({ format: 'jwk' }),
    kid,
    use: 'sig',
    ...more,
  });
  const theirs = { ...claims, iss: 'https://id.acme.example', aud: 'the-installation' };

  let server: Server;
  let url: string;
  let answer: { status: number; body: string };
  let asked: number;
  let time: number;
  let reader: TokenReader;

  beforeAll(async () => {
    server = createServer((_req, res) => {
      asked++;
      res.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const publish = (...keys: object[]) => {
    answer = { status: 200, body: JSON.stringify({ keys }) };
  };
  beforeEach(() => {
    asked = 0;
    time = 0;
    publish(jwk(rsa.publicKey, 'r1'), jwk(ec.publicKey, 'e1'), jwk(weak.publicKey, 'w1'), {
      kty: 'oct',
      k: 'c2VjcmV0',
      kid: 'o1',
    });
    const keys = new JwksCache({ url, log: createLogger('test', 'silent'), now: () => time });
    const options = { issuer: theirs.iss, audience: theirs.aud, orgClaim: 'org', skewSeconds: 0, keys };
    reader = new TokenReader(own, new IdentityProvider(options));
  });
  const sign = (payload: object, key: KeyObject, keyid: string | undefined, algorithm: jwt.Algorithm = 'RS256') =>
    jwt.sign(payload, key, { algorithm, ...(keyid !== undefined && { keyid }), allowInsecureKeySizes: true });
  const read = (token: string) => reader.read(token, now);

  it('is read with the key it names, RS256 and ES256, which are fetched once', async () => {
    expect(await read(sign(theirs, rsa.privateKey, 'r1'))).toEqual(session);
    expect(await read(sign(theirs, ec.privateKey, 'e1', 'ES256'))).toEqual(session);
    expect(asked).toBe(1);
  });

  it('is read without a name when only one key fits', async () => {
    expect(await read(sign(theirs, rsa.privateKey, undefined))).toEqual(session);
  });

  it('names the person in whichever org', async () => {
    const { org: _, ...elsewhere } = theirs;
    expect(await reader.readSubject(sign(elsewhere, rsa.privateKey, 'r1'), now)).toBe('user-1');
    expect(await reader.readSubject(jwt.sign(claims, own.secret), now)).toBeNull();
  });

  it('is read with a new key soon after the provider rotated, and not with one it withdrew', async () => {
    await read(sign(theirs, rsa.privateKey, 'r1'));
    publish(jwk(other.publicKey, 'r2'));
    time += 31_000;
    expect(await read(sign(theirs, other.privateKey, 'r2'))).toEqual(session);
    expect(await read(sign(theirs, rsa.privateKey, 'r1'))).toEqual(failed);
  });

  it('does not make us ask the provider for every name that somebody makes up', async () => {
    for (let i = 0; i < 50; i++) expect(await read(sign(theirs, other.privateKey, `made-up-${i}`))).toEqual(failed);
    expect(asked).toBeLessThanOrEqual(2);
  });

  it('is UNAVAILABLE, not AUTH_FAILED, while the keys cannot be had', async () => {
    answer = { status: 500, body: '' };
    await expect(read(sign(theirs, rsa.privateKey, 'r1'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    publish(jwk(rsa.publicKey, 'r1'));
    time += 1000;
    expect(await read(sign(theirs, rsa.privateKey, 'r1'))).toEqual(session);
  });

  it('goes on with the keys known while the provider is away', async () => {
    await read(sign(theirs, rsa.privateKey, 'r1'));
    answer = { status: 500, body: '' };
    time += 60 * 60_000;
    expect(await read(sign(theirs, rsa.privateKey, 'r1'))).toEqual(session);
  });

  it('an endless answer of the provider is not read to its end', async () => {
    answer = { status: 200, body: JSON.stringify({ keys: [], padding: 'x'.repeat(300_000) }) };
    await expect(read(sign(theirs, rsa.privateKey, 'r1'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it.each([
    ['signed by another key of that name', () => sign(theirs, other.privateKey, 'r1')],
    ['signed with a key that is too short', () => sign(theirs, weak.privateKey, 'w1')],
    ['of another audience', () => sign({ ...theirs, aud: 'somebody' }, rsa.privateKey, 'r1')],
    ['signed with our secret', () => jwt.sign(theirs, own.secret, { keyid: 'r1' })],
    // The public key as the secret of HS256: what "algorithm confusion" is.
    [
      'signed with its public key as a secret',
      () => hs256(theirs, rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'r1'),
    ],
    ['signed with a published secret', () => hs256(theirs, 'secret', 'o1')],
    [
      'of our issuer, signed with its key',
      () => sign({ ...theirs, iss: own.issuer, aud: own.audience }, rsa.privateKey, 'r1'),
    ],
    [
      'that brings its own key',
      () =>
        jwt.sign(theirs, other.privateKey, {
          algorithm: 'RS256',
          header: { alg: 'RS256', jwk: jwk(other.publicKey, 'x') } as never,
        }),
    ],
    ['of no algorithm', () => `${part({ alg: 'none', kid: 'r1' })}.${part(theirs)}.`],
  ])('is refused %s', async (_what, token) => {
    expect(await read(token())).toEqual(failed);
  });
});

/** jsonwebtoken refuses to sign so: by hand. */
function hs256(payload: object, secret: string, kid: string): string {
  const head = `${part({ alg: 'HS256', kid })}.${part(payload)}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}
