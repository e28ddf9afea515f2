import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { book } from '../books.ts';
import { addBudget, addOrg } from '../testing-database.ts';
import { serveRoutes, type TestRoutes } from '../testing-routes.ts';
import { AddressPolicy } from './address-policy.ts';
import { Dispatcher } from './dispatcher.ts';
import { send } from './send.ts';

const log = createLogger('budget-tracker', 'silent');
const local = new AddressPolicy(['127.0.0.1']);
let postgres: TestDatabase;
let admin: Database;
let db: Database;
let routes: TestRoutes;
let receiver: Server;
let url: string;
let received: { path: string; headers: IncomingHttpHeaders; body: string }[] = [];
/** What the receiver answers, in turn; 200 when there is nothing left. */
let answers: { status: number; headers?: Record<string, string>; body?: string }[] = [];

beforeAll(async () => {
  postgres = await createTestDatabase();
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 1, applicationName: 'test' });
  db = createDatabase({ url: postgres.appUrl, poolSize: 4, applicationName: 'budget-tracker' });
  await addOrg(admin, 'acme');
  await addOrg(admin, 'globex');
  routes = await serveRoutes(db, 'acme');
  receiver = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk) => {
      body += chunk;
    });
    req.on('end', () => {
      received.push({ path: req.url ?? '', headers: req.headers, body });
      const { status, headers = {}, body: text = '' } = answers.shift() ?? { status: 200 };
      res.writeHead(status, headers).end(text);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await routes?.close();
  await new Promise((resolve) => receiver?.close(resolve));
  await db?.close();
  await admin?.close();
  await postgres?.drop();
});

beforeEach(async () => {
  received = [];
  answers = [];
  await admin.system.execute('DELETE FROM webhook_deliveries');
  await admin.system.execute('DELETE FROM webhooks');
});

const dispatch = (policy = local) => new Dispatcher({ db, log, policy, timeoutMs: 2000, health: () => {} }).tick();
const due = () =>
  admin.system.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'");

async function create(body: object = {}): Promise<{ id: string; secret: string }> {
  const { status, body: webhook } = await routes.call('POST', '/v1/orgs/acme/webhooks', {
    url: `${url}/hook`,
    ...body,
  });
  expect(status).toBe(201);
  return webhook;
}

const path = (id: string, rest = '') => `/v1/orgs/acme/webhooks/${id}${rest}`;

function signatureOf(request: (typeof received)[number], secret: string): string {
  const { 'webhook-id': id, 'webhook-timestamp': at } = request.headers;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${at}.${request.body}`).digest('base64')}`;
}

describe('webhooks', () => {
  it('G5: are told of each alert once, signed', async () => {
    const { secret } = await create({ kinds: ['budget.threshold'] });
    const budgetId = await addBudget(admin, 'acme', { limit: '10', thresholds: [50] });
    const line = (sourceId: string) => ({
      orgId: 'acme',
      budgetId,
      source: 'adjustment' as const,
      sourceId,
      seq: null,
      amount: 6_000_000_000_000n,
      uncovered: 0n,
      periodStart: null,
      occurredAt: Date.now(),
      revision: 1,
      priceId: null,
      holdId: null,
    });
    for (const key of ['a', 'b']) {
      const postings = [{ budgetId, line: line(key), release: 0n }];
      await db.transaction(['acme'], (tx) => book(tx, { postings }, Date.now()));
    }
    expect(await dispatch()).toBe(1);
    const [request] = received;
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      type: 'budget.threshold',
      timestamp: expect.any(String),
      data: { orgId: 'acme', budgetId, threshold: 50, used: '6', limit: '10', title: expect.stringContaining('50%') },
    });
    expect(request?.headers['webhook-signature']).toBe(request && signatureOf(request, secret));
    expect(Math.abs(Number(request?.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
    expect(await dispatch()).toBe(0);
  });

  it('take the form that Slack takes', async () => {
    const { id } = await create({ format: 'slack' });
    await routes.call('POST', path(id, '/test'));
    await dispatch();
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({ text: '*A test*\nThis webhook of org acme works.' });
  });

  it('show their secret once, and sign with the old one too while it is being replaced', async () => {
    const { id, secret } = await create();
    expect(secret).toMatch(/^whsec_/);
    const shown = await routes.call('GET', path(id));
    expect(JSON.stringify(shown.body)).not.toContain('whsec_');
    const rotated = await routes.call('POST', path(id, '/rotate'), { overlapSeconds: 60 });
    expect(rotated.body.secretExpiresAt).not.toBeNull();
    await routes.call('POST', path(id, '/test'));
    await dispatch();
    const both = received[0] && [rotated.body.secret, secret].map((one) => signatureOf(received[0]!, one)).join(' ');
    expect(received[0]?.headers['webhook-signature']).toBe(both);
    await routes.call('POST', path(id, '/rotate'), { overlapSeconds: 0 });
    await routes.call('POST', path(id, '/test'));
    await dispatch();
    expect(String(received[1]?.headers['webhook-signature']).split(' ')).toHaveLength(1);
  });

  it('are tried again with the same id, each try in the log, until they are delivered', async () => {
    const { id } = await create();
    answers = [{ status: 500 }, { status: 429, headers: { 'retry-after': '900' } }];
    const { body: delivery } = await routes.call('POST', path(id, '/test'));
    expect(await dispatch()).toBe(1);
    expect(await dispatch()).toBe(0);
    await due();
    await dispatch();
    const { body: waiting } = await routes.call('GET', path(id, `/deliveries/${delivery.id}`));
    expect(waiting).toMatchObject({ status: 'pending', attempts: 2, lastStatus: 429, lastError: 'answered 429' });
    expect(Date.parse(waiting.nextAttemptAt) - Date.now()).toBeGreaterThan(800_000);
    await due();
    await dispatch();
    const { body: done } = await routes.call('GET', path(id, `/deliveries/${delivery.id}`));
    expect(done).toMatchObject({
      status: 'delivered',
      attempts: 3,
      lastStatus: 200,
      lastError: null,
      nextAttemptAt: null,
    });
    expect(done.tries.map((one: { status: number }) => one.status)).toEqual([500, 429, 200]);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  it('are given up after the last try, and can be replayed', async () => {
    const { id } = await create();
    answers = Array.from({ length: 8 }, () => ({ status: 503 }));
    const { body: delivery } = await routes.call('POST', path(id, '/test'));
    for (let tries = 0; tries < 9; tries++) {
      await due();
      await dispatch();
    }
    expect(received).toHaveLength(8);
    const failed = await routes.call('GET', path(id, '/deliveries?status=failed'));
    expect(failed.body.items).toMatchObject([{ id: delivery.id, attempts: 8 }]);
    expect((await routes.call('POST', path(id, `/deliveries/${delivery.id}/replay`))).status).toBe(202);
    await dispatch();
    expect((await routes.call('GET', path(id, '/deliveries?status=delivered'))).body.items).toHaveLength(1);
  });

  it('are tried by one of several trackers at a time', async () => {
    const { id } = await create();
    for (let n = 0; n < 10; n++) await routes.call('POST', path(id, '/test'));
    await Promise.all([dispatch(), dispatch(), dispatch()]);
    expect(received).toHaveLength(10);
  });

  it('are called no more when they answer that they are gone, or are turned off', async () => {
    const { id } = await create();
    answers = [{ status: 410 }];
    await routes.call('POST', path(id, '/test'));
    await dispatch();
    expect((await routes.call('GET', path(id))).body.disabledBecause).toMatch(/410/);
    await routes.call('POST', path(id, '/test'));
    await dispatch();
    expect(received).toHaveLength(1);
    expect((await routes.call('PATCH', path(id), { enabled: true })).body.disabledBecause).toBeNull();
    await routes.call('POST', path(id, '/test'));
    await dispatch();
    expect(received).toHaveLength(2);
    expect((await routes.call('DELETE', path(id))).status).toBe(204);
    expect((await routes.call('GET', path(id))).status).toBe(404);
  });

  it('G6: lead to no other org', async () => {
    expect((await routes.call('GET', '/v1/orgs/globex/webhooks')).status).toBe(403);
    expect((await routes.call('GET', path('wh_none'))).status).toBe(404);
  });

  it.each([
    [{ url: 'ftp://example.com' }, 'url'],
    [{ url: 'https://user:secret@example.com' }, 'url'],
    [{ url: 'https://example.com', format: 'xml' }, 'format'],
    [{ url: 'https://10.0.0.1/hook' }, 'url'],
    [{ url: 'https://[::ffff:10.0.0.1]/hook' }, 'url'],
    [{ url: 'http://1.1.1.1/hook' }, 'url'],
    [{ url: 'https://example.com', kinds: ['budget.treshold'] }, 'kinds.0'],
  ])('G10: 400 for %j', async (body, field) =>
    expect(await routes.call('POST', '/v1/orgs/acme/webhooks', body)).toMatchObject({
      status: 400,
      body: { path: field },
    }),
  );
});

describe('requests into networks that are not public', () => {
  const request = (target: string) => ({ url: target, headers: {}, body: '{}' });
  const strict = { policy: new AddressPolicy([]), timeoutMs: 2000 };

  it('are refused, by address and by name', async () => {
    const { port } = receiver.address() as AddressInfo;
    for (const host of [
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'localhost',
      '0.0.0.0',
    ]) {
      const outcome = await send(request(`https://${host}:${port}/`), strict);
      expect([host, outcome.status]).toEqual([host, null]);
      expect(outcome.error).toMatch(/not on the public internet/);
    }
    expect(received).toEqual([]);
  });

  it('are not made when a name changes its mind after it was judged (DNS rebinding)', async () => {
    const { port } = receiver.address() as AddressInfo;
    const leadsTo = ['127.0.0.2', '127.0.0.1'];
    const policy = new AddressPolicy(['127.0.0.2']);
    const lookUp = async () => [{ address: leadsTo.shift() ?? '127.0.0.1', family: 4 }];
    const outcome = await send(request(`http://rebinding.test:${port}/`), { policy, timeoutMs: 2000, lookUp });
    expect(outcome).toMatchObject({ status: null, error: expect.stringMatching(/could not be reached/) });
    expect(leadsTo).toEqual(['127.0.0.1']);
    expect(received).toEqual([]);
  });

  it('are refused when one of the addresses of a name is not public', async () => {
    const lookUp = async () => ['1.1.1.1', '10.0.0.1'].map((address) => ({ address, family: 4 }));
    const outcome = await send(request('https://both.test/'), { ...strict, lookUp });
    expect(outcome.error).toMatch(/both.test leads to 10.0.0.1/);
  });

  it('are refused where a public one redirects to', async () => {
    answers = [{ status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data' } }];
    const outcome = await send(request(`${url}/`), { policy: local, timeoutMs: 2000 });
    expect(outcome).toMatchObject({ status: 302, error: expect.stringMatching(/redirects are not followed/) });
    expect(received).toHaveLength(1);
  });

  it('without TLS are refused outside of networks that the operator allows', async () => {
    const outcome = await send(request('http://1.1.1.1/'), strict);
    expect(outcome.error).toMatch(/use https/);
  });

  it('G10: end in time, also while the answer never does', async () => {
    const slow = createServer(() => {});
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const target = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    expect(await send(request(target), { policy: local, timeoutMs: 200 })).toMatchObject({
      error: 'no answer within 200 ms',
    });
    slow.closeAllConnections();
    await new Promise((resolve) => slow.close(resolve));
    expect((await send(request(target), { policy: local, timeoutMs: 2000 })).error).toBe(
      'could not be reached (ECONNREFUSED)',
    );
  });
});
