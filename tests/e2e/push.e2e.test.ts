import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { newApiKey } from '@governsai/access';
import { SCOPES, type Scope } from '@governsai/contracts';
import { createDatabase, type Database, DEMO_ORGS, storeNotifications } from '@governsai/db';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Stack, startStack } from '../../tools/src/stack.ts';
import { SocketClient } from './socket-client.ts';
import { StreamClient } from './stream-client.ts';

// What push-gateway offers beyond pushing to sockets, with every service as it is and two replicas of the gateway.

const acme = DEMO_ORGS.find((org) => org.id === 'acme') as (typeof DEMO_ORGS)[number];

let stack: Stack;
let admin: Database;
const clients: (SocketClient | StreamClient)[] = [];

beforeAll(async () => {
  const settings = { PUSH_BUFFER_BYTES: '200000', SLOW_CONSUMER_MS: '500', MAX_CONNECTIONS_KEY: '8' };
  stack = await startStack({
    dir: join(import.meta.dirname, '../../.test', `push-${process.pid}`),
    temporary: true,
    replicas: { 'push-gateway': 2 },
    // On a busy machine a hold may wait for its turn; the relay's patience is 8 s.
    env: { 'push-gateway': settings, 'budget-tracker': { HOLD_TIMEOUT: '6000' } },
  });
  admin = createDatabase({ url: stack.databaseUrl, poolSize: 2, applicationName: 'test' });
}, 180_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await admin?.close();
  await stack?.stop();
}, 60_000);

async function connect(key: string, base = stack.edgeUrl): Promise<SocketClient> {
  const client = await SocketClient.open(`${base.replace('http', 'ws')}/ws?key=${key}`);
  clients.push(client);
  return client;
}

/** Asks the edge, or a replica itself. */
async function call(method: string, path: string, as: string, body?: unknown, base = stack.edgeUrl) {
  const answer = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${as}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  // biome-ignore lint/suspicious/noExplicitAny: what it is depends on the route.
  return { status: answer.status, headers: answer.headers, body: (text === '' ? null : JSON.parse(text)) as any };
}

let orgs = 0;
/** An org of a test's own, with a key of its owner that may do everything. */
async function newOrg(): Promise<{ org: string; key: string; keyId: string; owner: string }> {
  const org = `push-${++orgs}`;
  const owner = `${org}-owner`;
  await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]);
  await admin.system.execute('INSERT INTO users (id, email, name) VALUES ($1, $2, $1)', [
    owner,
    `${owner}@example.com`,
  ]);
  await admin.system.execute(`INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, 'owner')`, [org, owner]);
  return { org, owner, ...(await newKey(org, SCOPES, owner)) };
}

async function newKey(org: string, scopes: readonly Scope[], userId: string | null = null) {
  const { secret, hash, prefix } = newApiKey();
  const keyId = randomUUID();
  await admin.system.execute(
    `INSERT INTO api_keys (id, org_id, user_id, name, prefix, key_hash, scopes) VALUES ($1, $2, $3, $1, $4, $5, $6)`,
    [keyId, org, userId, prefix, hash, scopes],
  );
  return { key: secret, keyId };
}

/** Records decisions and waits until they are stored; returns nothing before the last of them has its seq. */
async function record(org: string, key: string, count: number, scope = ''): Promise<void> {
  const seqOf = async () => {
    const [row] = await admin.system.query<{ seq: number }>(
      'SELECT last_seq AS seq FROM org_chains WHERE org_id = $1',
      [org],
    );
    return row?.seq ?? 0;
  };
  const before = await seqOf();
  const decisions = Array.from({ length: count }, () => ({
    schema: 'decision.v1',
    idempotencyKey: randomUUID(),
    data: { direction: 'precheck', decision: 'allow', tool: 'web.fetch', scope },
  }));
  expect((await call('POST', '/v1/decisions', key, { decisions })).status).toBe(202);
  await eventually(async () => (await seqOf()) >= before + count || undefined);
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const replicas = () => stack.service('push-gateway').replicas.map(({ url }) => url);

async function eventually<T>(read: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`did not happen within 30 s: ${read}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('holds over the socket', () => {
  const hold = (idempotencyKey: string, more: object = {}) => ({
    type: 'HOLD',
    idempotencyKey,
    amount: '1',
    currency: 'USD',
    tool: 'held.tool',
    ...more,
  });

  beforeAll(async () => {
    const answer = await fetch(`${stack.edgeUrl}/v1/orgs/acme/budgets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${acme.admin.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Held', limit: '50', currency: 'USD', hard: true, scope: { tool: 'held.tool' } }),
    });
    expect(answer.status).toBe(201);
  });

  it('G5: are granted, refused, settled and released, and the budget says so', async () => {
    const client = await connect(acme.admin.key);
    const granted = await client.ask(hold('granted', { amount: '30' }), 'HOLD_RESULT');
    expect(granted).toMatchObject({ id: 'granted', allowed: true, mode: 'enforced' });
    const refused = await client.ask(hold('refused', { amount: '30' }), 'HOLD_RESULT');
    expect(refused).toMatchObject({ id: 'refused', allowed: false, remaining: '20' });
    const again = await client.ask(hold('granted', { amount: '30' }), 'HOLD_RESULT');
    expect(again).toMatchObject({ holdId: granted.holdId, allowed: true });
    const settled = await client.ask({ type: 'SETTLE', holdId: granted.holdId, amount: '10' }, 'HOLD_STATE');
    expect(settled).toMatchObject({ id: granted.holdId, hold: { status: 'settled', settledAmount: '10' } });
    const other = await client.ask(hold('released', { amount: '40' }), 'HOLD_RESULT');
    const released = await client.ask({ type: 'RELEASE', holdId: other.holdId }, 'HOLD_STATE');
    expect(released).toMatchObject({ id: other.holdId, hold: { status: 'released' } });
    expect(await client.ask(hold('what is left', { amount: '40' }), 'HOLD_RESULT')).toMatchObject({ allowed: true });
  });

  it('answer in the order of their messages, each for itself, errors with their id', async () => {
    const client = await connect(acme.admin.key);
    const keys = Array.from({ length: 60 }, (_, i) => `order-${i}`);
    keys.forEach((key, i) => {
      client.send(hold(key, { tool: 'other.tool', ...(i % 10 === 3 && { amount: 'much' }) }));
    });
    client.send({ type: 'SETTLE', holdId: 'none', amount: '1' });
    client.send({ type: 'RELEASE' });
    const last = await client.next((frame) => frame.type === 'ERROR' && frame.path === 'holdId');
    expect(last).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(client.frames.map(({ id }) => id)).toEqual([...keys, 'none', undefined]);
    expect(client.frames[3]).toMatchObject({ type: 'ERROR', code: 'VALIDATION_FAILED', path: 'amount' });
    expect(client.frames.at(-2)).toMatchObject({ type: 'ERROR', code: 'NOT_FOUND' });
    expect(client.frames.filter(({ type }) => type === 'HOLD_RESULT')).toHaveLength(54);
  });

  it('are worked on although the client closes at once', async () => {
    const client = await connect(acme.admin.key);
    const idempotencyKey = `closed-${randomUUID()}`;
    client.send(hold(idempotencyKey, { tool: 'other.tool' }));
    client.close();
    await eventually(async () => {
      const rows = await admin.system.query('SELECT 1 FROM holds WHERE idempotency_key = $1', [idempotencyKey]);
      return rows.length > 0 || undefined;
    });
  });

  it('G6: are for who may write decisions', async () => {
    const client = await connect(acme.subscriber.key);
    expect(await client.ask(hold('forbidden'), 'ERROR')).toMatchObject({ code: 'FORBIDDEN', id: 'forbidden' });
  });

  it('G8: are UNAVAILABLE while budget-tracker is away, the socket stays, and the same message works later', async () => {
    const client = await connect(acme.admin.key);
    const message = hold(`outage-${randomUUID()}`, { tool: 'other.tool' });
    const [tracker] = stack.service('budget-tracker').replicas;
    await tracker?.stop();
    expect(await client.ask(message, 'ERROR')).toMatchObject({
      code: 'UNAVAILABLE',
      id: message.idempotencyKey,
      retryAfterMs: expect.any(Number),
    });
    expect(await client.ask({ type: 'SETTLE', holdId: 'hold_x', amount: '1' }, 'ERROR')).toMatchObject({
      code: 'UNAVAILABLE',
      id: 'hold_x',
    });
    await tracker?.start();
    expect(await client.ask(message, 'HOLD_RESULT')).toMatchObject({ allowed: true });
  }, 60_000);
});

describe('the stream of decisions', () => {
  const pathOf = (org: string) => `/v1/orgs/${org}/decisions/stream`;
  const open = async (org: string, key: string, query = '', headers = {}, base = stack.edgeUrl) => {
    const url = `${base}${pathOf(org)}${query}`;
    const client = await StreamClient.open(url, { authorization: `Bearer ${key}`, ...headers });
    clients.push(client);
    return client;
  };

  it('G4: sends what is recorded from now on as the listed decisions, and says where it begins', async () => {
    const { org, key } = await newOrg();
    await record(org, key, 2);
    const stream = await open(org, key);
    expect(stream.response.status).toBe(200);
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    await eventually(() => stream.lastId === '2' || undefined);
    expect(stream.others[0]).toMatch(/^retry: \d+$/);
    await record(org, key, 3);
    await eventually(() => stream.seqs.includes(5) || undefined);
    expect(stream.seqs).toEqual([3, 4, 5]);
    const { body } = await call('GET', `/v1/orgs/${org}/decisions?afterSeq=2`, key);
    const listed = body.items.map(({ id, hash }: { id: string; hash: string }) => [id, hash]);
    expect(stream.events.map(({ data }) => [data.id, data.hash])).toEqual(listed);
  });

  it('G4: resumes after Last-Event-ID, which goes before afterSeq, on any replica, while decisions come', async () => {
    const { org, key } = await newOrg();
    await record(org, key, 300);
    const feeding = (async () => {
      for (let i = 0; i < 10; i++) await record(org, key, 5);
    })();
    const [first, second] = replicas() as [string, string];
    const streams = [
      { since: 0, stream: await open(org, key, '?afterSeq=0', {}, first) },
      { since: 255, stream: await open(org, key, '?afterSeq=255', {}, second) },
      { since: 299, stream: await open(org, key, '?afterSeq=3', { 'last-event-id': '299' }, first) },
    ];
    await feeding;
    for (const { since, stream } of streams) {
      await eventually(() => stream.seqs.includes(350) || undefined);
      expect(stream.seqs).toEqual(range(since + 1, 350));
    }
  });

  it('G4: sends what a filter and fields choose, and resumes through them from where it has come to', async () => {
    const { org, key } = await newOrg();
    await record(org, key, 3, 'wanted');
    await record(org, key, 2, 'other');
    const selection = `&filter=${encodeURIComponent('scope == "wanted"')}&fields=scope,decision`;
    const stream = await open(org, key, `?afterSeq=1${selection}`);
    await eventually(() => stream.seqs.length === 2 || undefined);
    await record(org, key, 1, 'wanted');
    await eventually(() => stream.seqs.includes(6) || undefined);
    expect(stream.events.map(({ id, data }) => [Number(id), data])).toEqual(
      [2, 3, 6].map((seq) => [seq, { scope: 'wanted', decision: 'allow' }]),
    );
    const wrong = await call('GET', `${pathOf(org)}?filter=scope%20%3D%3D`, key);
    expect(wrong).toMatchObject({ status: 400, body: { path: 'filter' } });
    expect((await call('GET', `${pathOf(org)}?fields=scope,nonsense`, key)).body.path).toBe('query.fields.1');
  });

  it('answers problems before it begins: no seq, ahead of the last, pruned (410 with firstSeq)', async () => {
    const { org, key } = await newOrg();
    await record(org, key, 3);
    const problem = async (query: string, headers = {}) => {
      const { response } = await open(org, key, query, headers);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      return response.status;
    };
    expect(await problem('', { 'last-event-id': 'three' })).toBe(400);
    expect(await problem('?afterSeq=-1')).toBe(400);
    expect(await problem('?afterSeq=4')).toBe(400);
    await admin.system.execute('UPDATE org_chains SET first_seq = 3 WHERE org_id = $1', [org]);
    await admin.system.execute('DELETE FROM decisions WHERE org_id = $1 AND seq < 3', [org]);
    // Nothing may be left in the memory of either.
    await stack.service('push-gateway').restart();
    const gone = await call('GET', `${pathOf(org)}?afterSeq=1`, key);
    expect(gone).toMatchObject({ status: 410, body: { code: 'RESUME_GAP', firstSeq: 3 } });
    const rest = await open(org, key, '?afterSeq=2');
    await eventually(() => rest.seqs.includes(3) || undefined);
  }, 120_000);

  it('G6: is refused to others, and a HEAD of it ends', async () => {
    const { org, key } = await newOrg();
    const other = await newOrg();
    expect((await call('GET', pathOf(org), other.key)).body.code).toBe('FORBIDDEN');
    const { key: unable } = await newKey(org, ['budget:read']);
    expect((await call('GET', pathOf(org), unable)).body.code).toBe('FORBIDDEN');
    expect((await call('GET', pathOf(org), 'gai_made_up')).status).toBe(401);
    expect((await call('HEAD', pathOf(org), key)).status).toBe(200);
  });

  it('is opened by a ticket in the URL, once, and by no key there', async () => {
    const { org, key } = await newOrg();
    const { body } = await call('POST', '/v1/auth/tickets', key);
    const url = `${stack.edgeUrl}${pathOf(org)}`;
    const stream = await StreamClient.open(`${url}?ticket=${body.ticket}&afterSeq=0`);
    clients.push(stream);
    await record(org, key, 1);
    await eventually(() => stream.seqs.includes(1) || undefined);
    for (const query of [`ticket=${body.ticket}`, `ticket=${key}`, `key=${key}`, '']) {
      expect({ query, status: (await fetch(`${url}?${query}`)).status }).toEqual({ query, status: 401 });
    }
    const listUrl = `${stack.edgeUrl}/v1/orgs/${org}/connections?ticket=`;
    const { body: fresh } = await call('POST', '/v1/auth/tickets', key);
    expect((await fetch(listUrl + fresh.ticket)).status).toBe(401);
  });

  it('G7: ends with an error within a second when its key is revoked, and when its key expires', async () => {
    const { org, key } = await newOrg();
    const scopes = ['decisions:read'] as const;
    const [revoked, expiring, kept] = [await newKey(org, scopes), await newKey(org, scopes), await newKey(org, scopes)];
    await admin.system.execute(`UPDATE api_keys SET expires_at = now() + interval '3 s' WHERE id = $1`, [
      expiring.keyId,
    ]);
    const [first, second] = replicas() as [string, string];
    const gone = [await open(org, revoked.key, '', {}, first), await open(org, revoked.key, '', {}, second)];
    const ending = await open(org, expiring.key, '', {}, second);
    const staying = await open(org, kept.key, '', {}, first);
    expect((await call('DELETE', `/v1/orgs/${org}/keys/${revoked.keyId}`, key)).status).toBe(204);
    const answered = performance.now();
    await Promise.all(gone.map(({ ended }) => ended));
    expect(performance.now() - answered).toBeLessThan(1000);
    const error = (code: string) => ({ event: 'error', id: '0', data: expect.objectContaining({ status: 401, code }) });
    for (const { events } of gone) expect(events).toEqual([error('AUTH_FAILED')]);
    await ending.ended;
    expect(ending.events).toEqual([error('AUTH_EXPIRED')]);
    await record(org, key, 1);
    await eventually(() => staying.seqs.includes(1) || undefined);
  });

  it('counts as a connection of its key, beside sockets', async () => {
    const { org, key } = await newOrg();
    const [base] = replicas() as [string];
    const socket = await connect(key, base);
    await socket.ask({ type: 'PING' }, 'PONG');
    const streams = [];
    for (let i = 0; i < 7; i++) streams.push(await open(org, key, '', {}, base));
    expect(streams.map(({ response }) => response.status)).toEqual(Array(7).fill(200));
    const refused = await call('GET', pathOf(org), key, undefined, base);
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) } });
    streams[0]?.close();
    await eventually(async () => {
      const again = await open(org, key, '', {}, base);
      if (again.response.status !== 200) again.close();
      return again.response.status === 200 || undefined;
    });
  });

  it('ends a reader that does not read, which resumes without a hole, and nobody else waits', async () => {
    const { org, key } = await newOrg();
    const [base] = replicas() as [string];
    const { port, hostname } = new URL(base);
    // By hand: a fetch reads ahead.
    const slow = connectTcp(Number(port), hostname);
    slow.on('error', () => {});
    slow.write(`GET ${pathOf(org)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n\r\n`);
    await once(slow, 'data');
    slow.pause();
    const healthy = await open(org, key, '', {}, base);
    for (let round = 0; round < 16; round++) await record(org, key, 120, 'x'.repeat(4000));
    await eventually(() => healthy.seqs.includes(1920) || undefined);
    expect(healthy.seqs).toEqual(range(1, 1920));
    await eventually(async () => (await slowEnds(base)) > 0 || undefined);
    let received = '';
    slow.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    slow.resume();
    await once(slow, 'close');
    const last = Number([...received.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1] ?? 0);
    const resumed = await open(org, key, '', { 'last-event-id': String(last) });
    await eventually(() => resumed.seqs.includes(1920) || undefined);
    expect(resumed.seqs).toEqual(range(last + 1, 1920));
  }, 240_000);

  it('G9: a rolling restart ends streams with a time to come back after; who does so loses nothing', async () => {
    const { org, key } = await newOrg();
    let feed = true;
    const seqs: number[] = [];
    const ends: number[] = [];
    const feeding = (async () => {
      let sent = 0;
      for (; feed; sent += 5) await record(org, key, 5);
      return sent;
    })();
    // As an EventSource does it: connect again after `retry`, naming the last id.
    const following = (async () => {
      for (let lastId = '0'; feed || seqs.length < (await feeding); ) {
        const stream = await open(org, key, '', { 'last-event-id': lastId }).catch(() => null);
        if (stream?.response.status !== 200) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          continue;
        }
        await eventually(async () => stream.isOver || (!feed && stream.seqs.includes(await feeding)) || undefined);
        seqs.push(...stream.seqs);
        lastId = stream.lastId;
        const retries = stream.others.filter((line) => line.startsWith('retry: '));
        if (stream.isOver) ends.push(Number(retries.at(-1)?.slice('retry: '.length)));
        stream.close();
      }
    })();
    await stack.service('push-gateway').restart();
    await stack.service('push-gateway').restart();
    feed = false;
    const sent = await feeding;
    await following;
    expect(seqs).toEqual(range(1, sent));
    expect(ends.length).toBeGreaterThan(0);
    for (const retryMs of ends) expect(retryMs).toBeGreaterThanOrEqual(500);
  }, 120_000);
});

/** How many streams a replica has ended because they were read too slowly. */
async function slowEnds(base: string): Promise<number> {
  const text = await (await fetch(`${base}/metrics`)).text();
  return Number(/^governsai_push_event_stream_ends_total\{[^}]*by="slow"[^}]*\} (\d+)$/m.exec(text)?.[1]);
}

describe('connections', () => {
  const list = async (org: string, key: string, query = '', base = stack.edgeUrl) => {
    const { status, body } = await call('GET', `/v1/orgs/${org}/connections${query}`, key, undefined, base);
    expect(status).toBe(200);
    return body;
  };

  it('are listed whichever replica is asked: who, where, which channels and how far', async () => {
    const { org, key, keyId, owner } = await newOrg();
    await record(org, key, 2);
    const [first, second] = replicas() as [string, string];
    const socket = await connect(key, first);
    const channel = `org:${org}:decisions`;
    await socket.ask({ type: 'SUB', channels: [channel, `org:${org}:budget`] }, 'SUB_SUCCESS');
    const { key: anonymous, keyId: anonymousId } = await newKey(org, ['decisions:read']);
    const stream = await StreamClient.open(`${second}/v1/orgs/${org}/decisions/stream?afterSeq=0`, {
      authorization: `Bearer ${anonymous}`,
    });
    clients.push(stream);
    await eventually(() => stream.seqs.includes(2) || undefined);
    const lists = [await list(org, key, '', first), await list(org, key, '', second)];
    for (const { items, next, missing } of lists) {
      expect({ next, missing }).toEqual({ next: null, missing: [] });
      expect(items).toEqual([
        {
          id: expect.any(String),
          transport: 'websocket',
          path: '/ws',
          replica: expect.any(String),
          connectedAt: expect.any(String),
          ip: '127.0.0.1',
          principal: { kind: 'apiKey', userId: owner, keyId },
          channels: [
            { channel, seq: 2, lag: 0 },
            { channel: `org:${org}:budget`, seq: null, lag: null },
          ],
          bytesSent: expect.any(Number),
          bytesBuffered: 0,
        },
        expect.objectContaining({
          transport: 'sse',
          path: `/v1/orgs/${org}/decisions/stream`,
          principal: { kind: 'apiKey', userId: null, keyId: anonymousId },
          channels: [{ channel, seq: 2, lag: 0 }],
        }),
      ]);
      expect(items[0].replica).not.toBe(items[1].replica);
      for (const { bytesSent } of items) expect(bytesSent).toBeGreaterThan(100);
    }
    stream.close();
    await eventually(async () => (await list(org, key)).items.length === 1 || undefined);
  });

  it('come in pages across replicas, the oldest first, each once', async () => {
    const { org, key } = await newOrg();
    for (let i = 0; i < 7; i++) {
      const socket = await connect(key, replicas()[i % 2]);
      await socket.ask({ type: 'PING' }, 'PONG');
    }
    const seen: { id: string; connectedAt: string }[] = [];
    let cursor = '';
    do {
      const { items, next } = await list(org, key, `?limit=3${cursor}`);
      expect(items.length).toBeLessThanOrEqual(3);
      seen.push(...items);
      cursor = next === null ? '' : `&cursor=${next}`;
    } while (cursor !== '');
    expect(new Set(seen.map(({ id }) => id)).size).toBe(7);
    expect(seen.map(({ connectedAt }) => connectedAt)).toEqual(seen.map(({ connectedAt }) => connectedAt).sort());
    expect((await call('GET', `/v1/orgs/${org}/connections?cursor=x`, key)).body).toMatchObject({ path: 'cursor' });
  });

  it('are closed by id from either replica, which is audited, and G6: by nobody of another org', async () => {
    const { org, key, keyId } = await newOrg();
    const other = await newOrg();
    const [first, second] = replicas() as [string, string];
    const socket = await connect(key, first);
    await socket.ask({ type: 'PING' }, 'PONG');
    const stream = await StreamClient.open(`${first}/v1/orgs/${org}/decisions/stream`, {
      authorization: `Bearer ${key}`,
    });
    clients.push(stream);
    const { items } = await list(org, key);
    const [socketId, streamId] = items.map(({ id }: { id: string }) => id);
    const close = (id: string, base: string, as = key, of = org) =>
      call('DELETE', `/v1/orgs/${of}/connections/${id}`, as, undefined, base);
    expect((await close(socketId, second, other.key)).status).toBe(403);
    expect((await close(socketId, second, other.key, other.org)).status).toBe(404);
    expect((await close(socketId, second)).status).toBe(204);
    const { code, reason } = await socket.closed;
    expect({ code, reason: JSON.parse(reason) }).toEqual({ code: 1012, reason: { retryAfterMs: expect.any(Number) } });
    expect((await close(streamId, second)).status).toBe(204);
    await stream.ended;
    expect((await close(streamId, second)).body.code).toBe('NOT_FOUND');
    const audited = await eventually(async () => {
      const { body } = await call('GET', `/v1/orgs/${org}/audit?action=connection.close`, key);
      return body.items.length === 2 ? body.items : undefined;
    });
    expect(audited[1]).toMatchObject({
      action: 'connection.close',
      target: socketId,
      actor: { keyId },
      result: 'ok',
      detail: { keyId, path: '/ws', transport: 'websocket' },
    });
  });

  it('name the replicas that do not answer instead of hiding what they hold', async () => {
    const { org, key } = await newOrg();
    const [first, second] = stack.service('push-gateway').replicas;
    second?.pause();
    try {
      const { missing } = await list(org, key, '', first?.url);
      expect(missing).toHaveLength(1);
      const unknown = await call('DELETE', `/v1/orgs/${org}/connections/none`, key, undefined, first?.url);
      expect(unknown).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    } finally {
      second?.resume();
    }
  });
});

describe('notifications', () => {
  const told = async (org: string, userId: string, count: number) => {
    for (let i = 0; i < count; i++) {
      await admin.transaction([org], (tx) =>
        storeNotifications(
          tx,
          [
            {
              orgId: org,
              userId,
              id: randomUUID(),
              kind: 'test',
              severity: 'info',
              title: `T${i}`,
              body: 'B',
              data: { n: i },
            },
          ],
          new Date().toISOString(),
        ),
      );
    }
  };
  const seqsOf = (body: { items: { seq: number }[] }) => body.items.map(({ seq }) => seq);

  it('are listed for the user who asks, the latest first, in pages, and counted while unread', async () => {
    const { org, key, owner } = await newOrg();
    await told(org, owner, 5);
    await told(org, 'somebody-else', 2);
    const path = `/v1/orgs/${org}/notifications`;
    const first = await call('GET', `${path}?limit=3`, key);
    expect(first.body).toMatchObject({ unread: 5, items: [{ seq: 5, title: 'T4', n: 4, readAt: null }, {}, {}] });
    const second = await call('GET', `${path}?limit=3&cursor=${first.body.next}`, key);
    expect([...seqsOf(first.body), ...seqsOf(second.body)]).toEqual([5, 4, 3, 2, 1]);
    expect(second.body.next).toBeNull();
    expect((await call('GET', `${path}?cursor=nonsense`, key)).body).toMatchObject({ status: 400, path: 'cursor' });
    const { key: nobodys } = await newKey(org, ['notifications:read']);
    expect((await call('GET', path, nobodys)).body.code).toBe('FORBIDDEN');
  });

  it('are marked read one by one or up to a seq, each once, and only those of the user', async () => {
    const { org, key, owner } = await newOrg();
    await told(org, owner, 6);
    await told(org, 'somebody-else', 1);
    const path = `/v1/orgs/${org}/notifications`;
    const mark = (body: object) => call('POST', `${path}/read`, key, body);
    expect((await mark({ seqs: [5, 2, 99] })).body).toEqual({ marked: 2, unread: 4 });
    const [{ readAt }] = (await call('GET', `${path}?unread=false`, key)).body.items;
    expect((await mark({ upToSeq: 4 })).body).toEqual({ marked: 3, unread: 1 });
    expect((await mark({ seqs: [5] })).body).toEqual({ marked: 0, unread: 1 });
    expect(seqsOf((await call('GET', `${path}?unread=true`, key)).body)).toEqual([6]);
    const read = (await call('GET', `${path}?unread=false`, key)).body;
    expect(seqsOf(read)).toEqual([5, 4, 3, 2, 1]);
    expect(read.items[0].readAt).toBe(readAt);
    for (const body of [{}, { seqs: [] }, { seqs: [0] }, { upToSeq: 1, seqs: [1] }]) {
      expect((await mark(body)).body.code).toBe('VALIDATION_FAILED');
    }
    const rows = await admin.system.query('SELECT 1 FROM notifications WHERE org_id = $1 AND read_at IS NULL', [org]);
    expect(rows).toHaveLength(2);
  });
});
