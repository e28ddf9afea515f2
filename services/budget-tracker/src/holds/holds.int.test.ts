import type { NewHold, Principal } from '@governsai/contracts';
import { AppError } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Deadlines } from '../deadlines.ts';
import { fromEvent } from '../domain/recorded.ts';
import { checkBudgets } from '../store/check.ts';
import { Definitions } from '../store/definitions.ts';
import { sampleEvent } from '../testing.ts';
import { addBudget, addOrg, booksOf } from '../testing-database.ts';
import { Tracker } from '../tracker.ts';
import { HoldDesk } from './desk.ts';

const log = createLogger('budget-tracker', 'silent');
let postgres: TestDatabase;
let admin: Database;
let db: Database;
let desk: HoldDesk;
const definitions = new Definitions();

beforeAll(async () => {
  postgres = await createTestDatabase();
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 2, applicationName: 'test' });
  db = createDatabase({ url: postgres.appUrl, poolSize: 8, applicationName: 'budget-tracker' });
  desk = new HoldDesk({ db, definitions, onOutage: 'closed', log, wake: () => {} });
});

afterAll(async () => {
  await db?.close();
  await admin?.close();
  await postgres?.drop();
});

function principalOf(orgId: string, given: Partial<Principal> = {}): Principal {
  return {
    kind: 'apiKey',
    orgId,
    userId: null,
    keyId: 'key-1',
    scopes: ['decisions:write'],
    expiresAt: null,
    ...given,
  };
}

let keys = 0;

function ask(orgId: string, amount: string, given: Partial<NewHold> = {}) {
  keys += 1;
  const hold: NewHold = { idempotencyKey: `k${keys}`, amount, ttlSeconds: 300, ...given };
  return desk.ask({ principal: principalOf(orgId), hold });
}

async function granted(orgId: string, amount: string, given: Partial<NewHold> = {}): Promise<string> {
  const answer = await ask(orgId, amount, given);
  if (!answer.allowed || answer.holdId === null) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer.holdId;
}

/** Counts decisions of an org as a tracker does, with the next seqs. */
async function record(
  orgId: string,
  ...usages: { cost: string; holdId?: string; correlationId?: string; tool?: string; at?: string }[]
): Promise<void> {
  const [cursor] = await admin.system.query<{ seq: number }>('SELECT seq FROM tracker_cursors WHERE org_id = $1', [
    orgId,
  ]);
  const tracker = new Tracker({
    db,
    log,
    definitions,
    giveUp: async (_source, _reason, error) => Promise.reject(error),
  });
  const arrivals = usages.map(({ cost, holdId, correlationId = null, tool = null, at }, index) => {
    const event = sampleEvent(orgId, (cursor?.seq ?? 0) + index + 1, cost);
    const timestamp = at ?? new Date().toISOString();
    const recorded = fromEvent({
      ...event,
      decision: { ...event.decision, correlationId, tool, timestamp },
      usage: { cost, currency: 'USD', ...(holdId && { holdId }) },
      receivedAt: new Date().toISOString(),
    });
    return { orgId, seq: recorded.seq, recorded, source: null };
  });
  await tracker.track(arrivals, async () => {});
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

describe('holds', () => {
  it('G5: set an amount aside in every budget they apply to, or in none', async () => {
    await addOrg(admin, 'all-or-none');
    const [wide, narrow] = [
      await addBudget(admin, 'all-or-none', { limit: '100', hard: true }),
      await addBudget(admin, 'all-or-none', { limit: '10', hard: true, scope: { tool: 'web' } }),
    ];
    const first = await ask('all-or-none', '6', { tool: 'web' });
    expect(first).toMatchObject({ allowed: true, mode: 'enforced', remaining: '4' });
    expect(first.budgets.map(({ budgetId, held, remaining }) => [budgetId, held, remaining])).toEqual([
      [wide, '6', '94'],
      [narrow, '6', '4'],
    ]);
    const second = await ask('all-or-none', '4.000000000001', { tool: 'web' });
    expect(second).toMatchObject({ allowed: false, refusedBy: narrow, remaining: '4', budgets: [] });
    expect(await booksOf(admin, wide)).toMatchObject({ held: '6', committed: '0' });
    expect(await ask('all-or-none', '94')).toMatchObject({ allowed: true, remaining: '0' });
  });

  it('get the same answer for the same key, and no second amount', async () => {
    await addOrg(admin, 'repeats');
    const budget = await addBudget(admin, 'repeats', { limit: '10', hard: true });
    const again = { idempotencyKey: 'same' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('repeats', '3', again)));
    expect(new Set(answers.map(({ holdId }) => holdId)).size).toBe(1);
    expect(await booksOf(admin, budget)).toMatchObject({ held: '3' });
    expect(await code(ask('repeats', '4', again))).toBe('IDEMPOTENCY_CONFLICT');
    const refused = await ask('repeats', '9', { idempotencyKey: 'refused' });
    await desk.release('repeats', answers[0]?.holdId ?? '');
    expect(await ask('repeats', '9', { idempotencyKey: 'refused' })).toEqual(refused);
  });

  it('are settled once: less, as much or more than was held, and more is an overrun', async () => {
    await addOrg(admin, 'settles');
    const budget = await addBudget(admin, 'settles', { limit: '100', hard: true });
    const [less, more] = [await granted('settles', '5'), await granted('settles', '5')];
    expect(await desk.settle('settles', less, { amount: '3', tokens: null })).toMatchObject({ status: 'settled' });
    expect(await code(desk.settle('settles', less, { amount: '3.0', tokens: null }))).toBe('ok');
    expect(await code(desk.settle('settles', less, { amount: '4', tokens: null }))).toBe('HOLD_CLOSED');
    expect(await code(desk.release('settles', less))).toBe('HOLD_CLOSED');
    await desk.settle('settles', more, { amount: '8', tokens: null });
    expect(await booksOf(admin, budget)).toMatchObject({ held: '0', committed: '11', ledger: '11', lines: 2 });
    const overruns = await admin.system.query(
      'SELECT source, trim_scale(amount) AS amount FROM budget_overruns WHERE org_id = $1',
      ['settles'],
    );
    expect(overruns).toEqual([{ source: 'hold', amount: '3' }]);
    const told = await admin.system.query('SELECT user_id, kind FROM notifications WHERE org_id = $1', ['settles']);
    expect(told).toEqual([{ user_id: 'settles-owner', kind: 'budget.overrun' }]);
    expect(await code(desk.settle('settles', 'hold_none', { amount: '1', tokens: null }))).toBe('NOT_FOUND');
  });

  it('give back what they held when released or when their time is over, once', async () => {
    await addOrg(admin, 'returns');
    const budget = await addBudget(admin, 'returns', { limit: '10', hard: true });
    const released = await granted('returns', '10');
    await Promise.all([desk.release('returns', released), desk.release('returns', released)]);
    expect(await booksOf(admin, budget)).toMatchObject({ held: '0' });
    const late = await granted('returns', '10');
    await admin.system.execute("UPDATE holds SET expires_at = now() - interval '1 second' WHERE id = $1", [late]);
    expect(await code(desk.settle('returns', late, { amount: '1', tokens: null }))).toBe('HOLD_CLOSED');
    expect(await booksOf(admin, budget)).toMatchObject({ held: '0', committed: '0' });
    const forgotten = await granted('returns', '10');
    await admin.system.execute("UPDATE holds SET expires_at = now() - interval '1 second' WHERE id = $1", [forgotten]);
    // Nobody has swept: a caller is not refused for the sake of a hold whose time is over.
    expect(await ask('returns', '10')).toMatchObject({ allowed: true });
  });

  it('are expired by a sweep of several trackers at once, each once', async () => {
    await addOrg(admin, 'sweeps');
    const budget = await addBudget(admin, 'sweeps', { limit: '1000', hard: true });
    for (let n = 0; n < 20; n++) await granted('sweeps', '1');
    await admin.system.execute("UPDATE holds SET expires_at = now() WHERE org_id = 'sweeps'");
    const sweepers = [1, 2, 3].map(() => new Deadlines({ db, log, wake: () => {}, health: () => {} }));
    await Promise.all(sweepers.map((sweeper) => sweeper.tick()));
    expect(await booksOf(admin, budget)).toMatchObject({ held: '0' });
    const statuses = await admin.system.query("SELECT DISTINCT status FROM holds WHERE org_id = 'sweeps'");
    expect(statuses).toEqual([{ status: 'expired' }]);
  });

  it('hold of budgets in tokens and calls too, and not of another currency', async () => {
    await addOrg(admin, 'units');
    await addBudget(admin, 'units', { limit: '100', unit: 'tokens', hard: true });
    await addBudget(admin, 'units', { limit: '2', unit: 'calls', hard: true });
    await addBudget(admin, 'units', { limit: '5', currency: 'EUR', hard: true });
    const first = await ask('units', '50', { currency: 'USD', tokens: 60 });
    expect(first.budgets.map(({ held }) => held).sort()).toEqual(['1', '60']);
    expect(await ask('units', '0', { currency: 'USD', tokens: 50 })).toMatchObject({ allowed: false, remaining: '40' });
    expect(await ask('units', '0', { currency: 'USD', tokens: 40 })).toMatchObject({ allowed: true });
    expect(await ask('units', '0', { currency: 'USD', tokens: 0 })).toMatchObject({ allowed: false, remaining: '0' });
  });

  it('see a budget that was changed, added or archived a moment ago', async () => {
    await addOrg(admin, 'changes');
    const budget = await addBudget(admin, 'changes', { limit: '10', hard: true });
    await granted('changes', '10');
    await admin.system.execute('UPDATE budgets SET limit_amount = 12, version = 2 WHERE id = $1', [budget]);
    await admin.system.execute('UPDATE budget_states SET budget_version = 2 WHERE budget_id = $1', [budget]);
    expect(await ask('changes', '2')).toMatchObject({ allowed: true, remaining: '0' });
    const other = await addBudget(admin, 'changes', { limit: '1', hard: true, scope: { tool: 'web' } });
    expect(await ask('changes', '0', { tool: 'web' })).toMatchObject({ allowed: true, remaining: '0' });
    expect((await ask('changes', '2', { tool: 'web' })).refusedBy).toBe(budget);
    await admin.system.execute('UPDATE budgets SET archived_at = now(), archived_seq = 0, version = 3 WHERE id = $1', [
      budget,
    ]);
    expect((await ask('changes', '2', { tool: 'web' })).refusedBy).toBe(other);
  });

  it.each([
    ['closed', false, 'failed-closed'],
    ['open', true, 'failed-open'],
  ] as const)('without a database they fail %s, and say so', async (onOutage, allowed, mode) => {
    const url = new URL(postgres.appUrl);
    url.port = '1';
    const away = createDatabase({ url: url.href, poolSize: 1, applicationName: 'test', connectTimeoutMs: 500 });
    const lost = new HoldDesk({ db: away, definitions, onOutage, log, wake: () => {} });
    const hold: NewHold = { idempotencyKey: 'k', amount: '1', ttlSeconds: 1 };
    const answer = await lost.ask({ principal: principalOf('all-or-none'), hold });
    expect(answer).toEqual({ holdId: null, allowed, mode, remaining: null, budgets: [], expiresAt: null });
    expect(await code(lost.settle('all-or-none', 'h', { amount: '1', tokens: null }))).toBe('UNAVAILABLE');
    await away.close();
  });
});

describe('a decision and its hold', () => {
  it('G5: count once, whichever comes first, and however the hold is found', async () => {
    await addOrg(admin, 'firsts');
    const budget = await addBudget(admin, 'firsts', { limit: '100', hard: true });
    const named = await granted('firsts', '5');
    await record('firsts', { cost: '4', holdId: named });
    expect(await booksOf(admin, budget)).toMatchObject({ committed: '4', held: '0' });
    // The decision has said what was used.
    expect(await desk.settle('firsts', named, { amount: '5', tokens: null })).toMatchObject({
      status: 'settled',
      settled_amount: null,
    });
    expect(await code(desk.release('firsts', named))).toBe('HOLD_CLOSED');

    const settled = await granted('firsts', '5', { correlationId: 'c1', tool: 'web' });
    await desk.settle('firsts', settled, { amount: '5', tokens: null });
    await record(
      'firsts',
      { cost: '3', correlationId: 'c1', tool: 'other' },
      { cost: '3', correlationId: 'c1', tool: 'web' },
    );
    expect(await booksOf(admin, budget)).toMatchObject({ committed: '10', held: '0', ledger: '10' });
    // The hold is spent: another decision with the same ids is more usage.
    await record('firsts', { cost: '3', correlationId: 'c1', tool: 'web' });
    expect(await booksOf(admin, budget)).toMatchObject({ committed: '13' });
  });

  it('G5: count in full after the hold has expired', async () => {
    await addOrg(admin, 'tardy');
    const budget = await addBudget(admin, 'tardy', { limit: '10', hard: true });
    const hold = await granted('tardy', '5');
    await admin.system.execute("UPDATE holds SET expires_at = now() - interval '1 second' WHERE id = $1", [hold]);
    await new Deadlines({ db, log, wake: () => {}, health: () => {} }).tick();
    await record('tardy', { cost: '12', holdId: hold });
    expect(await booksOf(admin, budget)).toMatchObject({ committed: '12', held: '0' });
    const [overrun] = await admin.system.query(
      'SELECT trim_scale(amount) AS amount FROM budget_overruns WHERE org_id = $1',
      ['tardy'],
    );
    expect(overrun).toEqual({ amount: '2' });
  });

  it('G5: tell in both periods when the decision belongs to another one than the settling', async () => {
    await addOrg(admin, 'periods');
    const budget = await addBudget(admin, 'periods', { limit: '10', period: 'hour', hard: true });
    const hold = await granted('periods', '5');
    await desk.settle('periods', hold, { amount: '5', tokens: null });
    const before = new Date(Date.now() - 2 * 60 * 60 * 1000).toISOString();
    await record('periods', { cost: '4', holdId: hold, at: before });
    expect(await booksOf(admin, budget)).toMatchObject({ committed: '0', ledger: '4', lines: 3 });
    const periods = await admin.system.query(
      'SELECT trim_scale(committed) AS committed FROM budget_periods WHERE budget_id = $1',
      [budget],
    );
    expect(periods).toEqual([{ committed: '4' }]);
  });

  it('G5: leave books that balance', async () => {
    expect(await checkBudgets(db)).toEqual([]);
    await admin.system.execute("UPDATE budget_states SET committed = committed + 1 WHERE org_id = 'tardy'");
    expect(await checkBudgets(db)).toMatchObject([{ orgId: 'tardy', what: 'committed', stored: '13', counted: '12' }]);
    await admin.system.execute("UPDATE budget_states SET committed = committed - 1 WHERE org_id = 'tardy'");
  });
});
