import type { AddressInfo } from 'node:net';
import { authorize } from '@governsai/access';
import { auditRecorded, budget, budgetsChanged, listBudgets, type Principal, type Scope } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createHttpApp, createLogger, Health, type HttpApp } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countDecisions } from '../counting.ts';
import { fromEvent } from '../domain/recorded.ts';
import { HoldDesk } from '../holds/desk.ts';
import { mountRoutes } from '../http.ts';
import { Definitions } from '../store/definitions.ts';
import { sampleEvent } from '../testing.ts';
import { AddressPolicy } from '../webhooks/address-policy.ts';

const log = createLogger('budget-tracker', 'silent');
const MAX_BUDGETS = 8;
let postgres: TestDatabase;
let admin: Database;
let db: Database;
let app: HttpApp;
let base: string;
let woken = 0;
let scopes: Scope[] = [];

beforeAll(async () => {
  postgres = await createTestDatabase();
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 2, applicationName: 'test' });
  db = createDatabase({ url: postgres.appUrl, poolSize: 2, applicationName: 'budget-tracker' });
  for (const org of ['acme', 'globex']) {
    await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]);
  }
  await admin.system.execute(`INSERT INTO org_chains (org_id, last_seq) VALUES ('acme', 41)`);
  const health = new Health({ service: 'budget-tracker', intervalMs: 1000, log });
  const principal = (): Principal => ({
    kind: 'apiKey',
    orgId: 'acme',
    userId: null,
    keyId: 'key-1',
    scopes,
    expiresAt: null,
  });
  app = createHttpApp({
    service: 'budget-tracker',
    log,
    health,
    authenticate: async () => principal(),
    authorize,
    internalToken: 'internal-token-for-tests',
  });
  const wake = () => {
    woken += 1;
  };
  const desk = new HoldDesk({ db, definitions: new Definitions(), onOutage: 'closed', log, wake });
  mountRoutes(app, { db, desk, log, maxBudgets: MAX_BUDGETS, policy: new AddressPolicy([]), wake });
  const server = await app.listen(0, '127.0.0.1');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await app?.close();
  await db?.close();
  await admin?.close();
  await postgres?.drop();
});

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${base}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, body: await response.json() };
}

const create = (body: unknown, org = 'acme') => call('POST', `/v1/orgs/${org}/budgets`, body);

describe('budget routes', () => {
  beforeAll(() => {
    scopes = ['budget:read', 'budget:write'];
  });

  it('201: creates a budget that counts what is stored after it, and tells of it', async () => {
    const before = woken;
    const created = await create({ name: 'All', limit: '7000.50', currency: 'USD' });
    expect(created.status).toBe(201);
    const answer = budget.parse(created.body);
    expect(answer).toMatchObject({
      orgId: 'acme',
      name: 'All',
      limit: '7000.5',
      unit: 'currency',
      currency: 'USD',
      period: 'total',
      hard: false,
      scope: {},
      thresholds: [50, 80, 95, 100],
      used: '0',
      held: '0',
      remaining: '7000.5',
      percentUsed: 0,
      periodStart: null,
      periodEnd: null,
      version: 1,
    });
    expect(woken).toBe(before + 1);
    const { id } = answer;
    expect(await call('GET', `/v1/orgs/acme/budgets/${id}`)).toEqual({ status: 200, body: created.body });

    const outbox = await admin.system.query<{ topic: string; key: string; value: unknown }>(
      'SELECT topic, key, value FROM outbox ORDER BY id',
    );
    expect(outbox.map(({ topic, key }) => [topic, key])).toEqual([
      ['budgets.changed', 'acme'],
      ['audit.recorded', 'acme'],
    ]);
    const value = budgetsChanged.parse(outbox[0]?.value);
    expect(value).toMatchObject({ budgetId: id, version: 1, limit: '7000.5', used: '0' });
    expect(auditRecorded.parse(outbox[1]?.value)).toMatchObject({ action: 'budget.create', target: id, result: 'ok' });
    const [state] = await admin.system.query<{ state: unknown }>(
      'SELECT state FROM budget_states WHERE budget_id = $1',
      [id],
    );
    expect(state?.state).toEqual(value);

    // The chain ends at 41: what was stored by then is not its matter.
    const stored = [41, 42].map((seq) => fromEvent(sampleEvent('acme', seq, '70.005')));
    await db.transaction(['acme'], (tx) =>
      countDecisions(tx, stored, { definitions: new Definitions(), now: Date.now() }),
    );
    const { body } = await call('GET', `/v1/orgs/acme/budgets/${id}`);
    expect(body).toMatchObject({ used: '70.005', remaining: '6930.495', percentUsed: 1, version: 2 });
  });

  it('201: gives a periodic budget its present period', async () => {
    const scope = { userId: 'u1', tool: 'web.fetch' };
    const { status, body } = await create({
      name: 'Day',
      limit: '10',
      unit: 'calls',
      period: 'day',
      scope,
      thresholds: [100, 50, 50],
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ unit: 'calls', currency: null, scope, thresholds: [50, 100] });
    const { periodStart, periodEnd } = budget.parse(body);
    expect(Date.parse(periodEnd ?? '') - Date.parse(periodStart ?? '')).toBe(24 * 60 * 60 * 1000);
  });

  it('200: lists in pages, each budget once', async () => {
    for (const name of ['A', 'B']) await create({ name, limit: '1', unit: 'tokens' });
    const names: string[] = [];
    for (let path = '/v1/orgs/acme/budgets?limit=3'; path !== ''; ) {
      const { status, body } = await call('GET', path);
      expect(status).toBe(200);
      const { items, next } = listBudgets.response.parse(body);
      names.push(...items.map((item) => item.name));
      path = next === null ? '' : `/v1/orgs/acme/budgets?limit=3&cursor=${next}`;
    }
    expect(names.sort()).toEqual(['A', 'All', 'B', 'Day']);
  });

  it.each([
    [{ limit: '1', currency: 'USD' }, 'name'],
    [{ name: 'x', limit: '0', currency: 'USD' }, 'limit'],
    [{ name: 'x', limit: '-1', currency: 'USD' }, 'limit'],
    [{ name: 'x', limit: '1e3', currency: 'USD' }, 'limit'],
    [{ name: 'x', limit: '1' }, 'currency'],
    [{ name: 'x', limit: '1', currency: 'usd' }, 'currency'],
    [{ name: 'x', limit: '1', unit: 'tokens', currency: 'USD' }, 'currency'],
    [{ name: 'x', limit: '1.5', unit: 'calls' }, 'limit'],
    [{ name: 'x', limit: '1', currency: 'USD', period: 'year' }, 'period'],
    [{ name: 'x', limit: '1', currency: 'USD', scope: { team: 'a' } }, 'scope.team'],
    [{ name: 'x', limit: '1', currency: 'USD', thresholds: [0] }, 'thresholds.0'],
    [{ name: 'x', limit: '1', currency: 'USD', timeZone: 'Europe/Nowhere' }, 'timeZone'],
  ])('G10: 400 names the field of %j', async (body, path) => {
    expect(await create(body)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', path } });
  });

  it('400: refuses a cursor that is none', async () => {
    expect(await call('GET', '/v1/orgs/acme/budgets?cursor=x')).toMatchObject({
      status: 400,
      body: { path: 'cursor' },
    });
  });

  it('404: has no budget of that id, nor of another org', async () => {
    await admin.system.execute(
      `INSERT INTO budgets (id, org_id, name, limit_amount, unit, period, hard)
       VALUES ('bud_globex', 'globex', 'x', 1, 'calls', 'total', false)`,
    );
    for (const id of ['bud_none', 'bud_globex']) {
      expect(await call('GET', `/v1/orgs/acme/budgets/${id}`)).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      });
    }
  });

  it('G6: 403 for another org, and without the scope', async () => {
    expect((await create({ name: 'x', limit: '1', unit: 'calls' }, 'globex')).status).toBe(403);
    expect((await call('GET', '/v1/orgs/globex/budgets')).status).toBe(403);
    scopes = ['budget:read'];
    expect((await create({ name: 'x', limit: '1', unit: 'calls' })).status).toBe(403);
    scopes = ['budget:read', 'budget:write'];
  });

  it('409: has no room for more budgets than the most, under concurrency too', async () => {
    const all = await Promise.all(
      Array.from({ length: MAX_BUDGETS }, (_, index) => create({ name: `n${index}`, limit: '1', unit: 'calls' })),
    );
    expect(all.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 409, 409, 409, 409]);
  });
});
