import { type ApiKey, SCOPES } from '@governsai/contracts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, eventually, startTestAuth, type TestAuth } from './testing.ts';

const KEYS = '/v1/orgs/acme/keys';
let auth: TestAuth;
let admin: string;

beforeAll(async () => {
  auth = await startTestAuth({ TRUSTED_PROXIES: '127.0.0.1/32' });
  await auth.addOrg('acme');
  await auth.addOrg('globex');
  for (const [user, role] of [
    ['olga', 'owner'],
    ['adam', 'admin'],
    ['vera', 'viewer'],
  ]) {
    await auth.addMember('acme', user as string, role as string);
  }
  admin = await auth.addKey('acme', SCOPES);
});
afterAll(() => auth.stop());

async function create(body: object, as = admin): Promise<ApiKey & { key: string }> {
  const answer = await auth.call('POST', KEYS, { as, body: { name: 'test', scopes: ['decisions:write'], ...body } });
  expect(answer.status).toBe(201);
  return answer.body;
}
const works = async (key: string, headers: Record<string, string> = {}) =>
  (await auth.call('GET', '/v1/orgs', { as: key, headers })).status === 200;

describe('an API key', () => {
  it('is shown whole once, works, and is listed without its secret', async () => {
    const { key, ...made } = await create({ name: 'producer', scopes: ['decisions:write', 'decisions:write'] });
    expect(key).toMatch(/^gai_[0-9A-Za-z]{49}$/);
    expect(made).toMatchObject({
      name: 'producer',
      scopes: ['decisions:write'],
      userId: null,
      uses: 0,
      lastUsedAt: null,
      revokedAt: null,
    });
    expect(await works(key)).toBe(true);
    const list = await auth.call('GET', `${KEYS}?limit=1000`, { as: admin });
    expect(list.body.items.map(({ id }: ApiKey) => id)).toContain(made.id);
    expect(list.text).not.toContain(key.slice(12));
    const one = await auth.call('GET', `${KEYS}/${made.id}`, { as: admin });
    expect(one.body).toEqual(made);
  });

  it('is stored as its SHA-256 only', async () => {
    const { key } = await create({});
    const rows = await auth.db.transaction(['acme'], (tx) => tx.query('SELECT api_keys::text AS all FROM api_keys'));
    expect(JSON.stringify(rows)).not.toContain(key.slice(12));
  });

  it('with a typo is told apart', async () => {
    const { key } = await create({});
    const typo = key.slice(0, -8) + (key.at(-8) === 'a' ? 'b' : 'a') + key.slice(-7);
    expect(await auth.call('GET', '/v1/orgs', { as: typo })).toMatchObject({
      status: 401,
      body: { code: 'AUTH_FAILED', detail: expect.stringContaining('typo') },
    });
  });

  it('is paged through, each once', async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer: Answer = await auth.call('GET', `${KEYS}?limit=2${cursor && `&cursor=${cursor}`}`, { as: admin });
      const page = answer.body;
      seen.push(...page.items.map(({ id }: ApiKey) => id));
      cursor = page.next;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(3);
    expect((await auth.call('GET', `${KEYS}?cursor=nonsense`, { as: admin })).status).toBe(400);
  });

  it('is refused after its time with AUTH_EXPIRED', async () => {
    const { key } = await create({ expiresAt: new Date(Date.now() + 1000).toISOString() });
    expect(await works(key)).toBe(true);
    await eventually(async () => {
      expect((await auth.call('GET', '/v1/orgs', { as: key })).body.code).toBe('AUTH_EXPIRED');
    });
    expect(
      (
        await auth.call('POST', KEYS, {
          as: admin,
          body: { name: 'x', scopes: ['org:admin'], expiresAt: '2020-01-01T00:00:00.000Z' },
        })
      ).body,
    ).toMatchObject({ code: 'VALIDATION_FAILED', path: 'expiresAt' });
  });

  it('works from its networks only', async () => {
    const { key } = await create({ cidrs: ['192.0.2.0/24', '2001:db8::1'] });
    expect(await works(key, { 'x-forwarded-for': '192.0.2.9' })).toBe(true);
    expect(await works(key, { 'x-forwarded-for': '2001:db8::1' })).toBe(true);
    expect(await works(key, { 'x-forwarded-for': '198.51.100.1' })).toBe(false);
    expect(await works(key)).toBe(false);
    expect(
      (
        await auth.call('POST', KEYS, {
          as: admin,
          body: { name: 'x', scopes: ['org:admin'], cidrs: ['192.0.2.0/33'] },
        })
      ).status,
    ).toBe(400);
  });

  it('may have a limit of its own, which the headers tell', async () => {
    const { key } = await create({ rate: { perSecond: 1, burst: 20 } });
    const first = await auth.call('GET', '/v1/orgs', { as: key });
    expect(first.headers.get('ratelimit-policy')).toBe('"key";q=20;w=20');
    expect(first.headers.get('ratelimit')).toMatch(/^"key";r=\d+;t=\d+$/);
    const statuses = [];
    for (let i = 0; i < 60; i++) statuses.push((await auth.call('GET', '/v1/orgs', { as: key })).status);
    const refused = await auth.call('GET', '/v1/orgs', { as: key });
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+$/);
    expect(statuses.filter((status) => status === 200).length).toBeLessThan(40);
  });

  it('is counted when it is used, without a write a request', async () => {
    const { key, id } = await create({});
    for (let i = 0; i < 7; i++) expect(await works(key)).toBe(true);
    await eventually(async () => {
      const { body } = await auth.call('GET', `${KEYS}/${id}`, { as: admin });
      expect(body).toMatchObject({ uses: 7, lastUsedAt: expect.any(String) });
    });
  });
});

describe('rotation', () => {
  it('gives a new secret; the old one works until the overlap is over', async () => {
    const made = await create({});
    const { body: rotated } = await auth.call('POST', `${KEYS}/${made.id}/rotate`, {
      as: admin,
      body: { overlapSeconds: 2 },
    });
    expect(rotated).toMatchObject({
      id: made.id,
      rotatedAt: expect.any(String),
      previousExpiresAt: expect.any(String),
    });
    expect([await works(made.key), await works(rotated.key)]).toEqual([true, true]);
    await eventually(async () => expect(await works(made.key)).toBe(false));
    expect(await works(rotated.key)).toBe(true);
  });

  it('ends the old secret at once without an overlap, and a still older one with the next rotation', async () => {
    const made = await create({});
    const rotate = async (overlapSeconds: number) =>
      (await auth.call('POST', `${KEYS}/${made.id}/rotate`, { as: admin, body: { overlapSeconds } })).body
        .key as string;
    const second = await rotate(60);
    const third = await rotate(60);
    expect([await works(made.key), await works(second), await works(third)]).toEqual([false, true, true]);
    const fourth = await rotate(0);
    expect([await works(second), await works(third), await works(fourth)]).toEqual([false, false, true]);
  });
});

describe('revocation', () => {
  it('G7: ends a key at once and for ever, its previous secret too, and is announced', async () => {
    const made = await create({});
    const { body: rotated } = await auth.call('POST', `${KEYS}/${made.id}/rotate`, { as: admin, body: {} });
    expect((await auth.call('DELETE', `${KEYS}/${made.id}`, { as: admin })).status).toBe(204);
    expect([await works(made.key), await works(rotated.key)]).toEqual([false, false]);
    expect((await auth.call('DELETE', `${KEYS}/${made.id}`, { as: admin })).status).toBe(204);
    for (const [method, path, body] of [
      ['PATCH', '', { name: 'x' }],
      ['POST', '/rotate', {}],
    ] as const) {
      expect((await auth.call(method, `${KEYS}/${made.id}${path}`, { as: admin, body })).body.code).toBe('CONFLICT');
    }
    await eventually(async () => {
      const heard = (await auth.kafka.readAll('access.changed')).map(({ value }) => JSON.parse(value.toString()));
      expect(heard).toContainEqual(expect.objectContaining({ orgId: 'acme', keyId: made.id }));
    });
  });

  it('of a key that is none is NOT_FOUND, of another org too', async () => {
    const foreign = await auth.addKey('globex', SCOPES, { id: 'key-of-globex' });
    expect((await auth.call('DELETE', `${KEYS}/key-of-globex`, { as: admin })).status).toBe(404);
    expect(await works(foreign)).toBe(true);
  });
});

describe('nobody gets more by a key than they have', () => {
  it('makes, changes or rotates no key with a scope that they lack', async () => {
    const manager = await auth.addKey('acme', ['keys:manage', 'decisions:read']);
    const strong = await create({ scopes: ['org:admin'] });
    const refused = [
      auth.call('POST', KEYS, { as: manager, body: { name: 'x', scopes: ['org:admin'] } }),
      auth.call('PATCH', `${KEYS}/${strong.id}`, { as: manager, body: { cidrs: [] } }),
      auth.call('POST', `${KEYS}/${strong.id}/rotate`, { as: manager, body: {} }),
      auth.call('POST', KEYS, { as: manager, body: { name: 'x', scopes: ['decisions:read'], userId: 'vera' } }),
    ];
    for (const answer of await Promise.all(refused)) expect(answer.body.code).toBe('FORBIDDEN');
    await create({ scopes: ['decisions:read'] }, manager);
  });

  it('speaks for nobody above themselves', async () => {
    const adam = await auth.addKey('acme', SCOPES, { userId: 'adam' });
    for (const as of [adam, admin]) {
      const answer = await auth.call('POST', KEYS, { as, body: { name: 'x', scopes: ['org:admin'], userId: 'olga' } });
      expect(answer.body.code).toBe('FORBIDDEN');
    }
    const olga = await auth.addKey('acme', SCOPES, { userId: 'olga' });
    await create({ scopes: ['org:admin'], userId: 'adam' }, olga);
  });

  it('a personal key ends where the role of its person ends', async () => {
    const { key } = await create({ scopes: [...SCOPES], userId: 'vera' });
    expect((await auth.call('GET', KEYS, { as: key })).body.code).toBe('FORBIDDEN');
  });

  it('a key for who is no member is refused', async () => {
    const answer = await auth.call('POST', KEYS, {
      as: admin,
      body: { name: 'x', scopes: ['org:admin'], userId: 'nobody' },
    });
    expect(answer.body).toMatchObject({ code: 'VALIDATION_FAILED', path: 'userId' });
  });
});
