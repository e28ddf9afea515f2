import { budget, budgetPeriodUse, budgetVersion, ledgerEntry } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countDecisions } from '../counting.ts';
import { fromEvent } from '../domain/recorded.ts';
import { checkBudgets } from '../store/check.ts';
import { Definitions } from '../store/definitions.ts';
import { sampleEvent } from '../testing.ts';
import { addOrg } from '../testing-database.ts';
import { serveRoutes, type TestRoutes } from '../testing-routes.ts';

const HOUR = 60 * 60 * 1000;
let postgres: TestDatabase;
let admin: Database;
let db: Database;
let routes: TestRoutes;
const definitions = new Definitions();
let length = 0;

beforeAll(async () => {
  postgres = await createTestDatabase();
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 1, applicationName: 'test' });
  db = createDatabase({ url: postgres.appUrl, poolSize: 4, applicationName: 'budget-tracker' });
  await addOrg(admin, 'acme');
  routes = await serveRoutes(db, 'acme');
});

afterAll(async () => {
  await routes?.close();
  await db?.close();
  await admin?.close();
  await postgres?.drop();
});

const path = (id: string, rest = '') => `/v1/orgs/acme/budgets/${id}${rest}`;

async function create(body: object = {}): Promise<string> {
  const answer = await routes.call('POST', '/v1/orgs/acme/budgets', {
    name: 'B',
    limit: '100',
    currency: 'USD',
    ...body,
  });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

/** The writer stores decisions; they are counted only when `count` is called. */
function store(...decisions: { cost: string; tool?: string; at?: number }[]) {
  const events = decisions.map(({ cost, tool = 'web', at = Date.now() }) => {
    length += 1;
    const event = sampleEvent('acme', length, cost);
    const timestamp = new Date(at).toISOString();
    const decision = { ...event.decision, tool, timestamp };
    return fromEvent({ ...event, decision, receivedAt: new Date().toISOString() });
  });
  const count = () => db.transaction(['acme'], (tx) => countDecisions(tx, events, { definitions, now: Date.now() }));
  return admin.system.execute('UPDATE org_chains SET last_seq = $1', [length]).then(() => count);
}

/** Waits when an hour is about to end: what is recorded now is to stay in it. */
async function clearOfTheHour(): Promise<void> {
  const left = HOUR - (Date.now() % HOUR);
  if (left < 15_000) await new Promise((resolve) => setTimeout(resolve, left + 1000));
}

const record = async (...decisions: Parameters<typeof store>) => (await store(...decisions))();

describe('a budget that changes', () => {
  it('G5: counts what was stored before by what it was then, however late that is counted', async () => {
    const id = await create({ scope: { tool: 'web' } });
    const countBefore = await store({ cost: '1', tool: 'web' }, { cost: '2', tool: 'mail' });
    const changed = await routes.call('PATCH', path(id), { scope: { tool: 'mail' }, limit: '50', name: 'Mail' });
    expect(changed).toMatchObject({ status: 200, body: { name: 'Mail', limit: '50', revision: 2, version: 2 } });
    const countAfter = await store({ cost: '4', tool: 'web' }, { cost: '8', tool: 'mail' });
    await countAfter();
    await countBefore();
    expect((await routes.call('GET', path(id))).body).toMatchObject({ used: '9', remaining: '41' });
    const { body: history } = await routes.call('GET', path(id, '/history'));
    const versions = history.items.map((item: unknown) => budgetVersion.parse(item));
    expect(versions).toMatchObject([
      { revision: 2, name: 'Mail', limit: '50', fromSeq: 3, untilSeq: null, changedBy: 'key-1' },
      { revision: 1, name: 'B', limit: '100', fromSeq: 1, untilSeq: 2, scope: { tool: 'web' } },
    ]);
    const { body: ledger } = await routes.call('GET', path(id, '/ledger'));
    expect(ledger.items.map((item: unknown) => ledgerEntry.parse(item))).toMatchObject([
      { source: 'decision', amount: '8', seq: 4, revision: 2 },
      { source: 'decision', amount: '1', seq: 1, revision: 1 },
    ]);
  });

  it('tells of a threshold that a lower limit makes reached', async () => {
    const id = await create({ thresholds: [80] });
    await record({ cost: '50' });
    await routes.call('PATCH', path(id), { limit: '60' });
    const alerts = await admin.system.query('SELECT alert FROM budget_alerts WHERE budget_id = $1', [id]);
    expect(alerts).toEqual([{ alert: '80' }]);
  });

  it('can be pages of history', async () => {
    const id = await create();
    for (const limit of ['101', '102', '103']) await routes.call('PATCH', path(id), { limit });
    const first = await routes.call('GET', path(id, '/history?limit=3'));
    const second = await routes.call('GET', path(id, `/history?limit=3&cursor=${first.body.next}`));
    const all = [...first.body.items, ...second.body.items].map(({ revision }: { revision: number }) => revision);
    expect([all, second.body.next]).toEqual([[4, 3, 2, 1], null]);
  });

  it.each([
    [{}, 400],
    [{ unit: 'calls' }, 400],
    [{ period: 'day' }, 400],
    [{ limit: '0' }, 400],
    [{ carryOver: true }, 400],
    [{ startsAt: '2026-02-01T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' }, 400],
    [{ scope: { when: 'tool ==' } }, 400],
  ])('G10: is not changed by %j: %d', async (body, status) => {
    const id = await create();
    const answer = await routes.call('PATCH', path(id), body);
    expect(answer).toMatchObject({ status, body: { code: 'VALIDATION_FAILED' } });
    expect((await routes.call('GET', path(id))).body.revision).toBe(1);
  });

  it('counts nothing more once it is archived, and keeps its books', async () => {
    const id = await create();
    const countBefore = await store({ cost: '3' });
    expect((await routes.call('DELETE', path(id))).status).toBe(204);
    await countBefore();
    await record({ cost: '5' });
    expect((await routes.call('GET', path(id))).status).toBe(404);
    expect((await routes.call('DELETE', path(id))).status).toBe(404);
    expect((await routes.call('PATCH', path(id), { limit: '1' })).status).toBe(404);
    const { body } = await routes.call('GET', path(id, '/periods'));
    expect(body.items).toMatchObject([{ used: '3', current: true }]);
    expect((await routes.call('GET', path(id, '/history'))).body.items).toHaveLength(2);
    const { body: list } = await routes.call('GET', '/v1/orgs/acme/budgets');
    expect(list.items.map((item: { id: string }) => item.id)).not.toContain(id);
  });
});

describe('late and corrected usage', () => {
  it('G5: lands in the period it belongs to, and both periods tell', async () => {
    await clearOfTheHour();
    const id = await create({ period: 'hour', limit: '10', carryOver: true });
    await admin.system.execute("UPDATE budgets SET created_at = now() - interval '10 days' WHERE id = $1", [id]);
    const now = Date.now();
    await record({ cost: '2' }, { cost: '4', at: now - 2 * HOUR });
    await record({ cost: '1', at: now - HOUR });
    const { body } = await routes.call('GET', path(id, '/periods'));
    const periods = body.items.map((item: unknown) => budgetPeriodUse.parse(item));
    expect(periods.map(({ used, current }: { used: string; current: boolean }) => [used, current])).toEqual([
      ['2', true],
      ['1', false],
      ['4', false],
    ]);
    // 10 were carried into the first of them, which left 10 at most; so did the next.
    expect(budget.parse((await routes.call('GET', path(id))).body)).toMatchObject({
      used: '2',
      carried: '10',
      remaining: '18',
    });
    await record({ cost: '19', at: now - HOUR });
    expect((await routes.call('GET', path(id))).body).toMatchObject({ carried: '0', remaining: '8' });
  });

  it('is corrected by hand once a key', async () => {
    await clearOfTheHour();
    const id = await create({ period: 'day' });
    await record({ cost: '20' });
    const correct = (body: object) =>
      routes.call('POST', path(id, '/adjustments'), { idempotencyKey: 'a', amount: '-5', reason: 'refund', ...body });
    expect((await correct({})).body).toMatchObject({ used: '15' });
    expect((await correct({})).body).toMatchObject({ used: '15' });
    expect(await correct({ amount: '-6' })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } });
    const yesterday = new Date(Date.now() - 24 * HOUR).toISOString();
    expect((await correct({ idempotencyKey: 'b', at: yesterday })).body).toMatchObject({ used: '15' });
    const { body } = await routes.call('GET', path(id, '/periods'));
    expect(body.items.map(({ used }: { used: string }) => used)).toEqual(['15', '-5']);
    const future = new Date(Date.now() + HOUR).toISOString();
    expect(await correct({ idempotencyKey: 'c', at: future })).toMatchObject({ status: 400, body: { path: 'at' } });
  });

  it('in another currency is not counted, and told once', async () => {
    await admin.system.execute(
      'UPDATE budgets SET archived_at = now(), archived_seq = $1, version = version + 1 WHERE archived_at IS NULL',
      [length],
    );
    const id = await create({ currency: 'EUR' });
    await record({ cost: '7' });
    await record({ cost: '7' });
    expect((await routes.call('GET', path(id))).body.used).toBe('0');
    const told = await admin.system.query(
      "SELECT title FROM notifications WHERE kind = 'budget.currency' AND data->>'budgetId' = $1",
      [id],
    );
    expect(told).toEqual([{ title: 'Budget "B" does not count usage in USD' }]);
  });

  it('G5: leaves books that balance', async () => expect(await checkBudgets(db)).toEqual([]));
});

describe('holds over HTTP and the relay', () => {
  const call = (...messages: object[]) =>
    routes.call('POST', '/internal/holds', {
      items: messages.map((message) => ({
        principal: {
          kind: 'apiKey',
          orgId: 'acme',
          userId: null,
          keyId: 'k',
          scopes: routes.scopes,
          expiresAt: null,
        },
        message,
      })),
    });

  it('200: are granted, settled, shown and listed', async () => {
    const id = await create({ limit: '5', hard: true, scope: { tool: 'held' } });
    const granted = await routes.call('POST', '/v1/orgs/acme/holds', {
      idempotencyKey: 'http',
      amount: '4',
      tool: 'held',
    });
    expect(granted).toMatchObject({ status: 200, body: { allowed: true, mode: 'enforced' } });
    const refused = await routes.call('POST', '/v1/orgs/acme/holds', {
      idempotencyKey: 'http2',
      amount: 2,
      tool: 'held',
    });
    expect(refused).toMatchObject({ status: 200, body: { allowed: false, refusedBy: id, remaining: '1' } });
    const hold = `/v1/orgs/acme/holds/${granted.body.holdId}`;
    expect((await routes.call('POST', `${hold}/settle`, { amount: '3' })).body).toMatchObject({
      status: 'settled',
      settledAmount: '3',
    });
    expect((await routes.call('POST', `${hold}/release`)).body).toMatchObject({ code: 'HOLD_CLOSED' });
    expect((await routes.call('GET', hold)).body.budgets).toContainEqual({ budgetId: id, held: '4', booked: '3' });
    const { body } = await routes.call('GET', '/v1/orgs/acme/holds?limit=1');
    const rest = await routes.call('GET', `/v1/orgs/acme/holds?cursor=${body.next}`);
    expect([...body.items, ...rest.body.items].map((item: { idempotencyKey: string }) => item.idempotencyKey)).toEqual([
      'http2',
      'http',
    ]);
  });

  it('are answered message by message', async () => {
    const { body } = await call({ type: 'HOLD', idempotencyKey: 'ws', amount: '1' });
    expect(body.results[0]).toMatchObject({ type: 'HOLD_RESULT', id: 'ws', allowed: true });
    const { holdId } = body.results[0];
    expect((await call({ type: 'SETTLE', holdId, amount: '1' })).body.results[0]).toMatchObject({
      type: 'HOLD_STATE',
      id: holdId,
      hold: { status: 'settled' },
    });
    expect((await call({ type: 'RELEASE', holdId })).body.results[0].error).toMatchObject({
      code: 'HOLD_CLOSED',
      id: holdId,
    });
    expect((await call({ type: 'HOLD', idempotencyKey: 'ws2' })).body.results[0].error).toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'amount',
      id: 'ws2',
    });
    expect((await call({ type: 'RELEASE', holdId: 'none' })).body.results[0].error.code).toBe('NOT_FOUND');
  });

  it('take effect in their order when they are about one hold, in one request too', async () => {
    const amount = '0.01';
    // As many as there are connections: on a busy machine one that waits for one may be told that PostgreSQL is away.
    const keys = Array.from({ length: 4 }, (_, i) => `order-${i}`);
    const { body } = await call(...keys.map((idempotencyKey) => ({ type: 'HOLD', idempotencyKey, amount })));
    expect(body.results).toEqual(keys.map((id) => expect.objectContaining({ id, allowed: true })));
    const ids = body.results.map(({ holdId }: { holdId: string }) => holdId);
    const pairs = ids.flatMap((holdId: string, i: number) => {
      const both = [
        { type: 'SETTLE', holdId, amount },
        { type: 'RELEASE', holdId },
      ];
      return i % 2 === 0 ? both : both.reverse();
    });
    const answers = (await call(...pairs)).body.results;
    ids.forEach((_id: string, i: number) => {
      const [first, second] = answers.slice(2 * i, 2 * i + 2);
      expect(first.hold.status).toBe(i % 2 === 0 ? 'settled' : 'released');
      expect(second.error.code).toBe('HOLD_CLOSED');
    });
  });

  it('G6: are for who may write decisions', async () => {
    routes.scopes = ['budget:read'];
    expect((await routes.call('POST', '/v1/orgs/acme/holds', { idempotencyKey: 'x', amount: '1' })).status).toBe(403);
    expect((await call({ type: 'HOLD', idempotencyKey: 'x', amount: '1' })).body.results[0].error.code).toBe(
      'FORBIDDEN',
    );
    routes.scopes = ['budget:read', 'budget:write', 'decisions:write'];
  });
});
