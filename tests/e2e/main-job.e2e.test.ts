import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCOPES, SERVICES } from '@governsai/contracts';
import { createDatabase, type Database, DEMO_ORGS } from '@governsai/db';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Frame, SocketClient } from './socket-client.ts';
import { type StackUnderTest, stackUnderTest } from './stack-under-test.ts';

const spec = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/spec-messages.json'), 'utf8'));
const acme = DEMO_ORGS.find((org) => org.id === 'acme') as (typeof DEMO_ORGS)[number];
const globex = DEMO_ORGS.find((org) => org.id === 'globex') as (typeof DEMO_ORGS)[number];
const SPEC_KEY = 'gai_demo_your-org_admin_0000000000000000000000000';

let stack: StackUnderTest;
let admin: Database;
const clients: SocketClient[] = [];

beforeAll(async () => {
  stack = await stackUnderTest();
  admin = createDatabase({ url: stack.databaseUrl, poolSize: 2, applicationName: 'test' });
  await seedSpecOrg();
}, 180_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await admin?.close();
  await stack?.stop();
}, 60_000);

/** The org, the user and the key that the specification's examples speak of. */
async function seedSpecOrg(): Promise<void> {
  const { execute } = admin.system;
  await execute(`INSERT INTO organizations (id, name) VALUES ('your-org', 'Your org')`);
  await execute(`INSERT INTO users (id, email, name) VALUES ('your-id', 'you@your-org.example', 'You')`);
  await execute(`INSERT INTO memberships (org_id, user_id, role) VALUES ('your-org', 'your-id', 'owner')`);
  await execute(
    `INSERT INTO api_keys (id, org_id, user_id, name, prefix, key_hash, scopes)
     VALUES ('key-your-org', 'your-org', 'your-id', 'Spec', 'gai_demo_you', $1, $2)`,
    [createHash('sha256').update(SPEC_KEY).digest('hex'), SCOPES],
  );
}

async function connect(path: string, options = {}): Promise<SocketClient> {
  const client = await SocketClient.open(`${stack.wsUrl.replace(/\/ws$/, '')}${path}`, options);
  clients.push(client);
  return client;
}

const withKey = (org: typeof acme, kind: 'admin' | 'producer' | 'subscriber' = 'admin') =>
  connect(`/ws?key=${org[kind].key}&org=${org.id}`);

const ingest = (key: string, data: object = {}, envelope: object = {}) => ({
  type: 'INGEST',
  channel: 'org:acme:decisions',
  schema: 'decision.v1',
  idempotencyKey: key,
  data: { orgId: 'acme', direction: 'precheck', decision: 'allow', tool: 'web.fetch', ...data },
  ...envelope,
});

const uniqueKey = (name: string) => `${name}-${randomBytes(6).toString('hex')}`;

const http = (path: string, key: string, init: RequestInit = {}) =>
  fetch(`${stack.edgeUrl}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
  });

const storedWith = (idempotencyKey: string) =>
  admin.system.query<{ id: string }>(`SELECT id FROM decisions WHERE record::jsonb->>'idempotencyKey' = $1`, [
    idempotencyKey,
  ]);

async function expectAllServicesReady(): Promise<void> {
  for (const name of SERVICES) {
    for (const url of stack.urlsOf(name)) {
      const answer = await fetch(`${url}/readyz`);
      expect({ name, status: answer.status }).toEqual({ name, status: 200 });
    }
  }
}

describe('the messages of the specification, to the letter', () => {
  it('are understood and answered with the fields it names', async () => {
    const client = await connect(`/ws?key=${SPEC_KEY}&org=your-org`);
    const subscribed = await client.ask(spec.client.SUB, 'SUB_SUCCESS');
    expect(subscribed.channels).toEqual(spec.client.SUB.channels);
    const ack = await client.ask(spec.client.INGEST, 'ACK');
    expect(ack).toMatchObject({ type: 'ACK', id: spec.server.ACK.id, dedup: false });
    expect(ack.decisionId).toMatch(/^dec_/);
    const decision = await client.next('DECISION');
    const { orgId, direction, decision: outcome, tool } = spec.server.DECISION.data;
    expect(decision.data).toMatchObject({ id: ack.decisionId, orgId, direction, decision: outcome, tool });
    expect(decision).toMatchObject({ channel: 'org:your-org:decisions', seq: 1 });
    expect(await client.ask(spec.client.PING, 'PONG')).toEqual({ type: 'PONG', timestamp: expect.any(String) });
    expect((await client.ask(spec.client.UNSUB, 'UNSUB_SUCCESS')).channels).toEqual(spec.client.UNSUB.channels);
  });

  it('BUDGET_UPDATE carries the fields of the specification and those of the dashboard', async () => {
    const client = await withKey(acme);
    const current = await client.ask({ type: 'SUB', channels: ['org:acme:budget'] }, 'BUDGET_UPDATE');
    const data = current.data as Record<string, number>;
    for (const field of Object.keys(spec.server.BUDGET_UPDATE.data)) expect(data).toHaveProperty(field);
    expect(data).toMatchObject({
      budgetTotal: 7000,
      limit: 7000,
      remaining: data.budgetRemaining,
      currentSpend: data.budgetUsed,
    });
    const { budgetUsed = 0 } = data;
    await client.ask(ingest(uniqueKey('budget'), { usage: { cost: '12.5', currency: 'USD' } }), 'ACK');
    const spent = await client.next(
      (frame) =>
        frame.type === 'BUDGET_UPDATE' && (frame.data as Record<string, number>).budgetUsed === budgetUsed + 12.5,
    );
    expect((spent.data as Record<string, number>).budgetRemaining).toBe(7000 - budgetUsed - 12.5);
  });
});

describe('the published precheck client', () => {
  const frames = (key: string) => ({
    auth: { type: 'AUTH', apiKey: acme.producer.key },
    ingest: {
      type: 'INGEST',
      channel: null,
      schema: 'decision.v1',
      idempotencyKey: key,
      data: {
        orgId: null,
        direction: 'precheck',
        decision: 'redact',
        tool: null,
        scope: null,
        rawText: 'my password is hunter2',
        rawTextOut: 'my password is [REDACTED]',
        payloadHash: 'sha256:0123abcd',
        latencyMs: 12,
        correlationId: 'req-77',
        tags: [],
        ts: '2026-01-01T00:00:00Z',
        detectorSummary: { reasons: ['pii'], confidence: 0.9, piiDetected: true },
        authentication: { userId: 'someone', apiKeyId: 'their-key' },
      },
    },
  });

  it('gets AUTH_SUCCESS as its very first frame, and its decision is stored though it closes at once (rule 5)', async () => {
    const key = `precheck-${Math.floor(Date.now() / 1000)}-${uniqueKey('corr')}`;
    const client = await connect(`/ws?key=${acme.producer.key}&org=acme&channels=org:acme:decisions`, {
      headers: { 'X-Correlation-ID': 'corr-1' },
    });
    const { auth, ingest: message } = frames(key);
    client.send(auth);
    await client.next('AUTH_SUCCESS');
    expect(client.frames[0]).toMatchObject({ type: 'AUTH_SUCCESS', orgId: 'acme', orgSlug: 'acme', userId: null });
    client.send(message);
    client.close();
    await until(async () => (await storedWith(key)).length === 1);
    const [row] = await admin.system.query<{ text: string }>(
      `SELECT d::text AS text FROM decisions d WHERE record::jsonb->>'idempotencyKey' = $1`,
      [key],
    );
    expect(row?.text).not.toContain('hunter2');
  });

  it('is told of a bad key by an ERROR as the first frame, and closed with 4401', async () => {
    const client = await connect('/ws?key=gai_wrong&org=acme');
    client.send({ type: 'AUTH', apiKey: 'gai_wrong' });
    expect(await client.next('ERROR')).toMatchObject({ code: 'AUTH_FAILED', error: 'AUTH_FAILED' });
    expect((await client.closed).code).toBe(4401);
  });
});

describe('the same INGEST twice', () => {
  it('G2: has one id, one row, one DECISION, is spent once, and the second ACK says dedup', async () => {
    const key = uniqueKey('twice');
    const client = await withKey(acme);
    await client.ask({ type: 'SUB', channels: ['org:acme:decisions', 'org:acme:budget'] }, 'SUB_SUCCESS');
    const before = await acmeSpent();
    const message = ingest(key, { usage: { cost: '3', currency: 'USD' } });
    const first = await client.ask(message, 'ACK');
    await client.next((frame) => isDecision(frame, first.decisionId));
    const second = await client.ask(message, 'ACK');
    expect(first).toMatchObject({ id: key, dedup: false });
    expect(second).toMatchObject({ id: key, dedup: true, decisionId: first.decisionId });
    const posted = await http('/v1/decisions', acme.producer.key, { method: 'POST', body: JSON.stringify(message) });
    expect(await posted.json()).toEqual({ id: key, decisionId: first.decisionId, dedup: true });
    // A later decision has come through behind it: whatever the repeats caused would be here by now.
    const later = await client.ask(ingest(uniqueKey('later')), 'ACK');
    await client.next((frame) => isDecision(frame, later.decisionId));
    await until(async () => (await acmeSpent()) === before + 3);
    expect(client.frames.filter((frame) => isDecision(frame, first.decisionId))).toHaveLength(1);
    expect(await storedWith(key)).toHaveLength(1);
  });

  it('tells IDEMPOTENCY_CONFLICT for another body, and the first stands', async () => {
    const key = uniqueKey('conflict');
    const client = await withKey(acme, 'producer');
    await client.ask(ingest(key), 'ACK');
    const refused = await client.ask(ingest(key, { decision: 'deny' }), 'ERROR');
    expect(refused).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', id: key });
  });
});

describe('G4: a subscriber that comes back', () => {
  it('gets every decision after the last seq it saw, once and in order, and then the live ones', async () => {
    const producer = await withKey(acme, 'producer');
    const first = await producer.ask(ingest(uniqueKey('resume')), 'ACK');
    const watcher = await withKey(acme, 'subscriber');
    const { positions } = await watcher.ask({ type: 'SUB', channels: ['org:acme:decisions'] }, 'SUB_SUCCESS');
    watcher.close();
    await until(
      async () => (await admin.system.query('SELECT 1 FROM decisions WHERE id = $1', [first.decisionId])).length === 1,
    );
    const seen = (positions as Record<string, number>)['org:acme:decisions'] ?? 0;
    for (let i = 0; i < 20; i++) await producer.ask(ingest(uniqueKey(`missed-${i}`)), 'ACK');
    const back = await withKey(acme, 'subscriber');
    back.send({ type: 'SUB', channels: ['org:acme:decisions'], since: { 'org:acme:decisions': seen } });
    await back.next('SUB_SUCCESS');
    const live = await producer.ask(ingest(uniqueKey('live')), 'ACK');
    await back.next((frame) => isDecision(frame, live.decisionId));
    const seqs = back.frames.filter((frame) => frame.type === 'DECISION').map((frame) => frame.seq as number);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => seen + 1 + i));
    expect(seqs.length).toBeGreaterThanOrEqual(21);
  });
});

describe('G10: bad input gets its ERROR and every service still runs', () => {
  it.each<[string, () => Promise<SocketClient>, unknown, string, number | null]>([
    ['malformed JSON', () => withKey(acme), '{"type":', 'VALIDATION_FAILED', null],
    ['an unknown type', () => withKey(acme), { type: 'SHOUT' }, 'UNKNOWN_TYPE', null],
    ['a wrong schema', () => withKey(acme), ingest('k', {}, { schema: 'decision.v9' }), 'UNSUPPORTED_SCHEMA', null],
    ['a missing field', () => withKey(acme), ingest('k', { direction: undefined }), 'VALIDATION_FAILED', null],
    ['another org in data', () => withKey(acme), ingest('k', { orgId: 'globex' }), 'FORBIDDEN', null],
    [
      'another org’s channel',
      () => withKey(acme),
      { type: 'SUB', channels: ['org:globex:decisions'] },
      'FORBIDDEN',
      null,
    ],
    ['a missing scope to write', () => withKey(acme, 'subscriber'), ingest('k'), 'FORBIDDEN', null],
    [
      'a missing scope to read',
      () => withKey(acme, 'producer'),
      { type: 'SUB', channels: ['org:acme:decisions'] },
      'FORBIDDEN',
      null,
    ],
    [
      'a message over 64 KiB',
      () => withKey(acme),
      ingest('k', { scope: 'x'.repeat(70_000) }),
      'PAYLOAD_TOO_LARGE',
      null,
    ],
    ['a wrong key', () => connect('/ws?key=gai_nope&org=acme'), { type: 'PING' }, 'AUTH_FAILED', 4401],
    ['another org’s key', () => connect(`/ws?key=${globex.admin.key}&org=acme`), { type: 'PING' }, 'AUTH_FAILED', 4401],
  ])('%s', async (_, open, message, code, closes) => {
    const client = await open();
    client.send(message);
    expect(await client.next('ERROR')).toMatchObject({ code, error: code, timestamp: expect.any(String) });
    if (closes !== null) expect((await client.closed).code).toBe(closes);
    else expect(await client.ask({ type: 'PING' }, 'PONG')).toMatchObject({ type: 'PONG' });
  });

  it('a frame over 1 MiB closes the socket with 1009', async () => {
    const client = await withKey(acme);
    client.send('x'.repeat(1024 * 1024 + 1));
    expect((await client.closed).code).toBe(1009);
  });

  it.each(['/ws', '/ws/ingest'])(
    '10,000 random frames at %s',
    async (path) => {
      const open = () => connect(`${path}?key=${acme.admin.key}&org=acme`);
      let client = await open();
      const letters = [
        '{',
        '}',
        '[',
        '"type"',
        ':',
        '"INGEST"',
        '"SUB"',
        'null',
        ',',
        '1e999',
        '"\\u0000"',
        '"\\ud800"',
        'é',
        '\u2028',
      ];
      for (let i = 0; i < 10_000; i++) {
        const random = randomBytes(1 + (i % 40));
        const frame = i % 3 === 0 ? random : Array.from(random, (byte) => letters[byte % letters.length]).join('');
        if (i % 500 === 0) {
          // Every now and then the server is let catch up, and the socket is new.
          await Promise.race([client.ask({ type: 'PING' }, 'PONG'), client.closed]);
          client.close();
          client = await open();
        }
        client.send(frame);
      }
      await client.ask({ type: 'PING' }, 'PONG');
      await expectAllServicesReady();
    },
    120_000,
  );
});

describe('HTTP', () => {
  it('answers a batch item by item, in order', async () => {
    const [good, bad] = [uniqueKey('good'), uniqueKey('bad')];
    const body = JSON.stringify({ decisions: [ingest(good), ingest(bad, { decision: 'maybe' }), 7] });
    const answer = await http('/v1/decisions', acme.producer.key, { method: 'POST', body });
    expect(answer.status).toBe(202);
    const { results } = (await answer.json()) as { results: Record<string, unknown>[] };
    expect(results).toEqual([
      { id: good, decisionId: expect.stringMatching(/^dec_/), dedup: false },
      { id: bad, error: expect.objectContaining({ code: 'VALIDATION_FAILED', path: 'data.decision' }) },
      { id: null, error: expect.objectContaining({ code: 'VALIDATION_FAILED' }) },
    ]);
  });

  it('lists what is stored by pages, with filters, and gives one by its id', async () => {
    const tool = uniqueKey('tool');
    for (let i = 0; i < 5; i++) {
      await http('/v1/decisions', acme.producer.key, {
        method: 'POST',
        body: JSON.stringify(ingest(uniqueKey('list'), { tool })),
      });
    }
    const list = async (query: string) =>
      (await http(`/v1/orgs/acme/decisions?${query}`, acme.subscriber.key)).json() as Promise<{
        items: { id: string; seq: number }[];
        next: string | null;
      }>;
    await until(async () => (await list(`tool=${tool}`)).items.length === 5);
    const first = await list(`tool=${tool}&limit=3`);
    const second = await list(`tool=${tool}&limit=3&cursor=${first.next}`);
    expect([first.items.length, second.items.length, second.next]).toEqual([3, 2, null]);
    const one = await http(`/v1/orgs/acme/decisions/${first.items[0]?.id}`, acme.subscriber.key);
    expect(await one.json()).toEqual(first.items[0]);
  });

  it.each<[string, string, RequestInit, number, string]>([
    ['no credential', '/v1/orgs/acme/decisions', { headers: { authorization: '' } }, 401, 'AUTH_FAILED'],
    ['another org', '/v1/orgs/globex/decisions', {}, 403, 'FORBIDDEN'],
    ['malformed JSON', '/v1/decisions', { method: 'POST', body: '{' }, 400, 'VALIDATION_FAILED'],
    ['a bad query', '/v1/orgs/acme/decisions?limit=0', {}, 400, 'VALIDATION_FAILED'],
    ['an unknown id', '/v1/orgs/acme/decisions/dec_0', {}, 404, 'NOT_FOUND'],
    ['a wrong method', '/v1/decisions', { method: 'DELETE' }, 405, 'METHOD_NOT_ALLOWED'],
    ['what the edge does not have', '/metrics', {}, 404, 'NOT_FOUND'],
    ['what is internal', '/internal/verify', { method: 'POST', body: '{}' }, 404, 'NOT_FOUND'],
  ])('answers %s with a problem', async (_, path, init, status, code) => {
    const answer = await http(path, acme.admin.key, init);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({ code, status });
  });

  it('proves the chain: head, verification with progress, export', async () => {
    const chain = (await (await http('/v1/orgs/acme/chain', acme.subscriber.key)).json()) as {
      length: number;
      lastSeq: number;
    };
    expect(chain.length).toBe(chain.lastSeq);
    const verified = await http('/v1/orgs/acme/chain/verify', acme.subscriber.key);
    expect(await verified.json()).toMatchObject({ valid: true });
    const streamed = await http('/v1/orgs/acme/chain/verify', acme.subscriber.key, {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(JSON.parse((await streamed.text()).trim().split('\n').at(-1) ?? '')).toMatchObject({ valid: true });
    const exported = await http('/v1/orgs/acme/decisions/export', acme.subscriber.key);
    const lines = (await exported.text()).trim().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(chain.length + 2);
    expect(JSON.parse(lines.at(-1) ?? '')).toHaveProperty('trailer.more', false);
  });

  it('aggregates the health of all services', async () => {
    const answer = (await (await fetch(`${stack.edgeUrl}/v1/health`)).json()) as { status: string; services: object };
    expect(answer.status).toBe('ok');
    expect(Object.keys(answer.services).sort()).toEqual([...SERVICES].sort());
  });
});

function isDecision(frame: Frame, id: unknown): boolean {
  return frame.type === 'DECISION' && (frame.data as { id: string }).id === id;
}

async function acmeSpent(): Promise<number> {
  const [row] = await admin.system.query<{ sum: string | null }>(
    `SELECT sum(amount) AS sum FROM budget_ledger WHERE org_id = 'acme'`,
  );
  return Number(row?.sum ?? 0);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('did not come true within 15 s');
}
