import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countDecisions } from '../counting.ts';
import { parseCsv } from '../domain/csv.ts';
import { fromEvent } from '../domain/recorded.ts';
import { Maintenance } from '../maintenance.ts';
import { Definitions } from '../store/definitions.ts';
import { sampleEvent } from '../testing.ts';
import { addBudget, addOrg, booksOf } from '../testing-database.ts';
import { serveRoutes, type TestRoutes } from '../testing-routes.ts';

const DAY = 24 * 60 * 60 * 1000;
/** Noon of yesterday: usage of it is a day of its own. */
const NOON = Math.floor(Date.now() / DAY) * DAY - DAY / 2;
let postgres: TestDatabase;
let admin: Database;
let db: Database;
let routes: TestRoutes;
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

interface Used {
  cost?: string | null;
  currency?: string;
  tool?: string;
  tags?: string[];
  model?: string;
  provider?: string;
  at?: number;
}

async function record(...all: Used[]): Promise<void> {
  const recorded = all.map(
    ({ cost = '1', currency = 'USD', tool = 'web', tags = [], model = 'm', provider = 'p', at = NOON }) => {
      length += 1;
      const event = sampleEvent('acme', length, '0');
      const timestamp = new Date(at).toISOString();
      return fromEvent({
        ...event,
        decision: { ...event.decision, tool, tags, timestamp },
        usage: { cost, currency: cost === null ? null : currency, model, provider, inputTokens: 10, outputTokens: 5 },
        receivedAt: timestamp,
      });
    },
  );
  await db.transaction(['acme'], (tx) =>
    countDecisions(tx, recorded, { definitions: new Definitions(), now: Date.now() }),
  );
}

const usage = (query: string) => routes.call('GET', `/v1/orgs/acme/usage${query}`);

describe('usage', () => {
  beforeAll(() =>
    record(
      { tool: 'web', cost: '0.1', tags: ['x', 'y'] },
      { tool: 'web', cost: '0.2', tags: ['x'], at: NOON - 2 * 60 * 60 * 1000 },
      { tool: 'mail', cost: '5', currency: 'EUR' },
      { tool: '=cmd()', cost: '0.000000000001' },
    ),
  );

  it('200: is summed by day and group', async () => {
    const { status, body } = await usage('?groupBy=tool');
    expect(status).toBe(200);
    const bucket = new Date(NOON - DAY / 2).toISOString();
    const sums = (calls: number) => ({ calls, inputTokens: 10 * calls, outputTokens: 5 * calls });
    expect(body).toEqual({
      items: [
        { bucket, tool: '=cmd()', currency: 'USD', cost: '0.000000000001', ...sums(1) },
        { bucket, tool: 'mail', currency: 'EUR', cost: '5', ...sums(1) },
        { bucket, tool: 'web', currency: 'USD', cost: '0.3', ...sums(2) },
      ],
      next: null,
    });
  });

  it('200: by hour, by tag, by several at once, and in all', async () => {
    expect((await usage('?interval=hour')).body.items).toHaveLength(3);
    const tags = (await usage('?groupBy=tag')).body.items;
    expect(tags.map((row: { tag: string; calls: number }) => [row.tag, row.calls])).toEqual([
      ['x', 2],
      ['y', 1],
    ]);
    const several = (await usage('?groupBy=user,model,decision,key')).body.items;
    expect(several[0]).toMatchObject({ user: 'user-1', model: 'm', decision: 'allow', key: 'key-1' });
    expect((await usage('?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z')).body.items).toEqual([]);
  });

  it('200: comes in pages, each row once', async () => {
    const tools: string[] = [];
    for (let query = '?groupBy=tool&limit=1'; query !== ''; ) {
      const { body } = await usage(query);
      tools.push(...body.items.map((row: { tool: string }) => row.tool));
      query = body.next === null ? '' : `?groupBy=tool&limit=1&cursor=${body.next}`;
    }
    expect(tools).toEqual(['=cmd()', 'mail', 'web']);
  });

  it('200: is exported as CSV that no spreadsheet runs', async () => {
    const { status, text } = await routes.call('GET', '/v1/orgs/acme/usage/export?groupBy=tool');
    expect(status).toBe(200);
    const rows = parseCsv(text).map(({ fields }) => fields);
    expect(rows[0]).toEqual(['bucket', 'tool', 'currency', 'calls', 'cost', 'inputTokens', 'outputTokens']);
    expect(rows.slice(1).map(([, ...fields]) => fields)).toEqual([
      ["'=cmd()", 'USD', '1', '0.000000000001', '10', '5'],
      ['mail', 'EUR', '1', '5', '10', '5'],
      ['web', 'USD', '2', '0.3', '20', '10'],
    ]);
  });

  it.each([
    ['?groupBy=team', 'query.groupBy.0'],
    ['?groupBy=tag,tool', 'query.groupBy'],
    ['?groupBy=tool,tool', 'query.groupBy'],
    ['?interval=week', 'query.interval'],
    ['?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'query.from'],
    ['?cursor=x', 'cursor'],
    [`?cursor=${Buffer.from('["x","y"]').toString('base64url')}`, 'cursor'],
  ])('G10: 400 for %s', async (query, path) =>
    expect(await usage(query)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', path } }),
  );

  it('is pruned after its time', async () => {
    await record({ tool: 'old', tags: ['old'], at: Date.now() - 40 * DAY });
    const log = createLogger('budget-tracker', 'silent');
    const maintenance = new Maintenance({ db, log, retentionDays: 30, checkIntervalMs: 1e9 });
    await maintenance.prune();
    const left = await admin.system.query(
      "SELECT 1 FROM usage_rollups WHERE tool = 'old' UNION ALL SELECT 1 FROM usage_tag_rollups WHERE tag = 'old'",
    );
    expect(left).toEqual([]);
    expect((await usage('?groupBy=tool')).body.items).toHaveLength(3);
  });
});

describe('prices', () => {
  const csv = [
    'model,provider,currency,inputPrice,outputPrice,effectiveFrom,effectiveTo',
    'priced,,USD,0.01,0.002,2020-01-01T00:00:00Z,',
    '"priced","p",USD,0.02,0,2020-01-01T00:00:00Z,2099-01-01T00:00:00Z',
  ].join('\r\n');

  it('200: are imported as CSV, once, and price usage that has no cost', async () => {
    const budgetId = await addBudget(admin, 'acme', { limit: '100' });
    expect((await routes.call('POST', '/v1/orgs/acme/prices', { csv })).body).toEqual({ added: 2, skipped: 0 });
    expect((await routes.call('POST', '/v1/orgs/acme/prices', { csv })).body).toEqual({ added: 0, skipped: 2 });
    await record(
      { model: 'priced', cost: null, provider: 'other' },
      { model: 'priced', cost: null },
      { model: 'unknown', cost: null },
    );
    expect(await booksOf(admin, budgetId)).toMatchObject({ committed: '0.31', lines: 2 });
    const { body } = await routes.call('GET', `/v1/orgs/acme/budgets/${budgetId}/ledger`);
    const { body: prices } = await routes.call('GET', '/v1/orgs/acme/prices?model=priced');
    expect(body.items.map((line: { priceId: number }) => line.priceId)).toEqual(
      prices.items.map(({ id }: { id: number }) => id),
    );
    const spent = (await usage('?groupBy=model')).body.items.filter((row: { model: string }) => row.model === 'priced');
    expect(spent).toMatchObject([{ currency: 'USD', cost: '0.31' }]);
  });

  it('200: a later import for the same time goes before', async () => {
    const price = {
      model: 'again',
      currency: 'USD',
      inputPrice: '1',
      outputPrice: '1',
      effectiveFrom: '2020-01-01T00:00:00Z',
    };
    for (const inputPrice of ['1', '2', '1']) {
      expect(
        (await routes.call('POST', '/v1/orgs/acme/prices', { prices: [{ ...price, inputPrice }] })).body.added,
      ).toBe(1);
    }
    const first = await routes.call('GET', '/v1/orgs/acme/prices?model=again&limit=2');
    const rest = await routes.call('GET', `/v1/orgs/acme/prices?model=again&cursor=${first.body.next}`);
    const prices = [...first.body.items, ...rest.body.items].map((one: { inputPrice: string }) => one.inputPrice);
    expect(prices).toEqual(['1', '2', '1']);
  });

  it.each([
    ['model\nx', /line 2: currency/],
    ['model,colour\nx,red', /the first line must name columns/],
    ['model,model\nx,x', /each once/],
    ['', /the first line must name columns/],
    ['model,currency\nx', /line 2 has 1 fields/],
    ['model\n"x', /does not end/],
    [csv.replace('0.002', '-1'), /line 2: outputPrice: must not be negative/],
  ])('G10: 400 for the CSV %j', async (text, message) => {
    const { status, body } = await routes.call('POST', '/v1/orgs/acme/prices', { csv: text });
    expect([status, body.path]).toEqual([400, 'csv']);
    expect(body.detail).toMatch(message);
  });
});
