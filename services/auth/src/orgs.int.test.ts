import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SCOPES } from '@governsai/contracts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { type Answer, startTestAuth, type TestAuth } from './testing.ts';

const provider = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const claims = { iss: 'https://id.example', aud: 'installation' };
const idToken = (sub: string, more: object = {}) =>
  jwt.sign({ ...claims, sub, ...more }, provider.privateKey, { algorithm: 'ES256', keyid: 'e1', expiresIn: 60 });

let keys: Server;
let auth: TestAuth;
/** A session of the owner of acme, and keys with all scopes: of acme, of its admin. */
let owner: string;
let admin: string;
let adam: string;

beforeAll(async () => {
  keys = createServer((_req, res) => {
    res.end(JSON.stringify({ keys: [{ ...provider.publicKey.export({ format: 'jwk' }), kid: 'e1', use: 'sig' }] }));
  });
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  auth = await startTestAuth({
    JWT_JWKS_URL: `http://127.0.0.1:${(keys.address() as AddressInfo).port}`,
    JWT_JWKS_ISSUER: claims.iss,
    JWT_JWKS_AUDIENCE: claims.aud,
  });
  await auth.addOrg('acme');
  await auth.addOrg('globex');
  await auth.addMember('acme', 'olga', 'owner');
  await auth.addMember('acme', 'adam', 'admin');
  await auth.addMember('globex', 'greta', 'owner');
  owner = idToken('olga', { org: 'acme' });
  admin = await auth.addKey('acme', SCOPES);
  adam = await auth.addKey('acme', SCOPES, { userId: 'adam' });
});
afterAll(async () => {
  await auth.stop();
  await new Promise((resolve) => keys.close(resolve));
});

const call = (method: string, path: string, as: string, body?: unknown): Promise<Answer> =>
  auth.call(method, `/v1/orgs/acme${path}`, { as, ...(body !== undefined && { body }) });

async function invite(email: string, role: string, as = admin): Promise<string> {
  const answer = await call('POST', '/invitations', as, { email, role });
  expect(answer.status).toBe(201);
  return answer.body.token;
}
const accept = (token: string, proof: object) =>
  auth.call('POST', '/v1/auth/invitations', { body: { token, ...proof } });

describe('an org', () => {
  it('is made by a person, who owns it and sees it beside the others', async () => {
    const made = await auth.call('POST', '/v1/orgs', { as: owner, body: { id: 'acme-labs', name: 'Labs' } });
    expect(made).toMatchObject({ status: 201, body: { id: 'acme-labs', name: 'Labs', keepRawText: false } });
    const { body } = await auth.call('GET', '/v1/orgs', { as: owner });
    expect(body.items).toEqual([
      { id: 'acme', name: 'acme', role: 'owner' },
      { id: 'acme-labs', name: 'Labs', role: 'owner' },
    ]);
  });

  it('is made by no key, by no plain member, and under no name that is taken', async () => {
    await auth.addMember('acme', 'mia', 'member');
    const body = { id: 'other', name: 'Other' };
    expect((await auth.call('POST', '/v1/orgs', { as: admin, body })).body.code).toBe('FORBIDDEN');
    expect((await auth.call('POST', '/v1/orgs', { as: idToken('mia', { org: 'acme' }), body })).body.code).toBe(
      'FORBIDDEN',
    );
    for (const id of ['globex', 'system']) {
      expect((await auth.call('POST', '/v1/orgs', { as: owner, body: { ...body, id } })).body.code).toBe('CONFLICT');
    }
    const { body: untouched } = await auth.call('GET', '/v1/orgs/globex/members', {
      as: idToken('greta', { org: 'globex' }),
    });
    expect(untouched.items).toHaveLength(1);
  });

  it('has a display name and settings that its admins change', async () => {
    expect((await call('PATCH', '', admin, { name: 'Acme Ltd' })).body).toMatchObject({
      name: 'Acme Ltd',
      keepRawText: false,
    });
    expect((await call('PATCH', '', admin, { keepRawText: true })).body).toMatchObject({
      name: 'Acme Ltd',
      keepRawText: true,
    });
    expect((await call('GET', '', admin)).body.keepRawText).toBe(true);
    const { principal } = await verified(admin);
    expect(principal.keepRawText).toBe(true);
  });

  it('is shown to a key of another org as that one only', async () => {
    const foreign = await auth.addKey('globex', SCOPES);
    expect((await auth.call('GET', '/v1/orgs', { as: foreign })).body.items).toEqual([
      { id: 'globex', name: 'globex', role: null },
    ]);
    expect((await call('GET', '', foreign)).body.code).toBe('FORBIDDEN');
  });
});

async function verified(key: string): Promise<{ principal: { keepRawText?: boolean } }> {
  const { createHash } = await import('node:crypto');
  const keyHash = createHash('sha256').update(key).digest('hex');
  const answer = await auth.call('POST', '/internal/verify', {
    body: { keyHash },
    headers: { 'x-internal-token': auth.internalToken },
  });
  return answer.body;
}

describe('an invitation', () => {
  it('makes a new person a member, who then signs in by the password chosen', async () => {
    const token = await invite('New.Person@acme.example', 'member');
    const accepted = await accept(token, { name: 'New Person', password: 'correct horse battery' });
    expect(accepted).toMatchObject({
      status: 200,
      body: { orgId: 'acme', role: 'member', userId: expect.stringMatching(/^usr_/) },
    });
    const login = await auth.call('POST', '/v1/auth/login', {
      body: { email: 'new.person@ACME.example', password: 'correct horse battery' },
    });
    expect(login).toMatchObject({ status: 200, body: { orgId: 'acme', userId: accepted.body.userId } });
  });

  it('makes a person of the identity provider a member, whose tokens then work', async () => {
    expect((await auth.call('GET', '/v1/orgs', { as: idToken('ida', { org: 'acme' }) })).status).toBe(401);
    const token = await invite('ida@acme.example', 'viewer');
    expect(await accept(token, { idToken: idToken('ida') })).toMatchObject({
      status: 200,
      body: { userId: 'ida', role: 'viewer' },
    });
    expect((await auth.call('GET', '/v1/orgs', { as: idToken('ida', { org: 'acme' }) })).status).toBe(200);
    expect((await auth.call('GET', '/v1/orgs', { as: idToken('ida', { org: 'globex' }) })).status).toBe(401);
  });

  it('is good once, until it is taken back, and not with a token that nobody signed', async () => {
    const used = await invite('once@acme.example', 'viewer');
    const proof = { name: 'Once', password: 'correct horse battery' };
    expect((await accept(used, proof)).status).toBe(200);
    const taken = await invite('back@acme.example', 'viewer');
    const { body } = await call('GET', '/invitations', admin);
    const { id } = body.items.find(({ email }: { email: string }) => email === 'back@acme.example');
    expect((await call('DELETE', `/invitations/${id}`, admin)).status).toBe(204);
    const wrong = await invite('wrong@acme.example', 'viewer');
    const forged = `${idToken('ida').split('.').slice(0, 2).join('.')}.${createHmac('sha256', 'x').update('x').digest('base64url')}`;
    for (const refused of [
      accept(used, proof),
      accept(taken, proof),
      accept(`${wrong}x`, proof),
      accept(wrong, { idToken: forged }),
    ]) {
      expect(await refused).toMatchObject({ status: 401, body: { code: 'AUTH_FAILED' } });
    }
    expect((await accept(wrong, { name: 'x', password: 'short' })).body).toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'password',
    });
  });

  it('gives nobody another person: a known one proves the password, one without a password cannot be given one', async () => {
    const first = await invite('victim@acme.example', 'viewer');
    await accept(first, { name: 'Victim', password: 'the right password' });
    // Somebody who may invite into another org, and keeps the token.
    const greta = idToken('greta', { org: 'globex' });
    const inviteToGlobex = async (email: string) =>
      (await auth.call('POST', '/v1/orgs/globex/invitations', { as: greta, body: { email, role: 'owner' } })).body
        .token;
    expect(
      (await accept(await inviteToGlobex('victim@acme.example'), { name: 'x', password: 'a guessed password' })).body
        .code,
    ).toBe('AUTH_FAILED');
    expect(
      (await accept(await inviteToGlobex('olga@acme.example'), { name: 'x', password: 'a chosen password' })).body.code,
    ).toBe('FORBIDDEN');
    expect(
      (
        await auth.call('POST', '/v1/auth/login', {
          body: { email: 'olga@acme.example', password: 'a chosen password' },
        })
      ).status,
    ).toBe(401);
    const known = await accept(await inviteToGlobex('victim@acme.example'), { password: 'the right password' });
    expect(known).toMatchObject({ status: 200, body: { orgId: 'globex', role: 'owner' } });
  });

  it('offers no role above the one of who invites', async () => {
    for (const as of [admin, adam]) {
      expect((await call('POST', '/invitations', as, { email: 'boss@acme.example', role: 'owner' })).body.code).toBe(
        'FORBIDDEN',
      );
    }
    await invite('boss@acme.example', 'owner', owner);
  });

  it('keeps its token to itself', async () => {
    const token = await invite('secret@acme.example', 'viewer');
    expect((await call('GET', '/invitations', admin)).text).not.toContain(token.slice(-20));
  });
});

describe('a member', () => {
  it('has a role that admins change, but for owners, whom owners change', async () => {
    await auth.addMember('acme', 'max', 'viewer');
    expect((await call('PATCH', '/members/max', admin, { role: 'member' })).body).toMatchObject({
      userId: 'max',
      role: 'member',
    });
    for (const [path, role] of [
      ['/members/max', 'owner'],
      ['/members/olga', 'admin'],
    ]) {
      for (const as of [admin, adam])
        expect((await call('PATCH', path as string, as, { role })).body.code).toBe('FORBIDDEN');
    }
    expect((await call('DELETE', '/members/olga', adam)).body.code).toBe('FORBIDDEN');
    expect((await call('PATCH', '/members/max', owner, { role: 'owner' })).status).toBe(200);
    expect((await call('PATCH', '/members/max', owner, { role: 'viewer' })).status).toBe(200);
  });

  it('who is the last owner stays one', async () => {
    expect((await call('PATCH', '/members/olga', owner, { role: 'admin' })).body.code).toBe('CONFLICT');
    expect((await call('DELETE', '/members/olga', owner)).body.code).toBe('CONFLICT');
  });

  it('of two owners who remove each other at once, one stays', async () => {
    await auth.addOrg('duel');
    await auth.addMember('duel', 'd1', 'owner');
    await auth.addMember('duel', 'd2', 'owner');
    const shot = (by: string, at: string) =>
      auth.call('DELETE', `/v1/orgs/duel/members/${at}`, { as: idToken(by, { org: 'duel' }) });
    const statuses = (await Promise.all([shot('d1', 'd2'), shot('d2', 'd1')])).map(({ status }) => status);
    expect(statuses).toContain(204);
    const left = await auth.db.transaction(['duel'], (tx) => tx.query('SELECT 1 FROM memberships'));
    expect(left).toHaveLength(1);
  });

  it('G7: who is removed leaves nothing that works, and does not get it back with a new invitation', async () => {
    await auth.addMember('acme', 'rosa', 'member');
    const key = await auth.addKey('acme', ['decisions:read'], { userId: 'rosa' });
    const session = idToken('rosa', { org: 'acme' });
    const statuses = async () => [
      (await auth.call('GET', '/v1/orgs', { as: key })).status,
      (await auth.call('GET', '/v1/orgs', { as: session })).status,
    ];
    expect(await statuses()).toEqual([200, 200]);
    expect((await call('DELETE', '/members/rosa', admin)).status).toBe(204);
    expect(await statuses()).toEqual([401, 401]);
    await auth.db.transaction(['acme'], (tx) =>
      tx.execute(`INSERT INTO memberships (org_id, user_id, role) VALUES ('acme', 'rosa', 'viewer')`),
    );
    expect((await auth.call('GET', '/v1/orgs', { as: key })).status).toBe(401);
  });

  it('is listed in pages', async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await call('GET', `/members?limit=2${cursor && `&cursor=${cursor}`}`, admin);
      seen.push(...body.items.map(({ userId }: { userId: string }) => userId));
      cursor = body.next;
    }
    expect(seen).toEqual([...new Set(seen)]);
    expect(seen).toEqual(expect.arrayContaining(['adam', 'olga']));
  });
});

describe('suspension', () => {
  it('G7: stops everything of an org at once, and only of it; only an owner may do it', async () => {
    await auth.addOrg('doomed');
    await auth.addMember('doomed', 'dora', 'owner');
    const key = await auth.addKey('doomed', SCOPES);
    const dora = idToken('dora', { org: 'doomed' });
    const suspend = (as: string) => auth.call('POST', '/v1/orgs/doomed/suspend', { as });
    expect((await suspend(key)).body.code).toBe('FORBIDDEN');
    expect((await suspend(admin)).body.code).toBe('FORBIDDEN');
    expect((await suspend(dora)).status).toBe(204);
    for (const as of [key, dora]) expect((await auth.call('GET', '/v1/orgs', { as })).status).toBe(401);
    expect((await auth.call('GET', '/v1/orgs', { as: admin })).status).toBe(200);
  });
});
