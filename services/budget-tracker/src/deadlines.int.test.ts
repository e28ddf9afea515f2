import { setTimeout as pause } from 'node:timers/promises';
import { budgetsChanged } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Deadlines } from './deadlines.ts';
import { checkBudgets } from './store/check.ts';
import { addBudget, addOrg } from './testing-database.ts';

const log = createLogger('budget-tracker', 'silent');
const HOUR = 60 * 60 * 1000;
let postgres: TestDatabase;
let admin: Database;
let db: Database;

beforeAll(async () => {
  postgres = await createTestDatabase();
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 1, applicationName: 'test' });
  db = createDatabase({ url: postgres.appUrl, poolSize: 6, applicationName: 'budget-tracker' });
  await addOrg(admin, 'acme');
});

afterAll(async () => {
  await db?.close();
  await admin?.close();
  await postgres?.drop();
});

const deadlines = (wake = () => {}) => new Deadlines({ db, log, wake, health: () => {} });

async function told(budgetId: string) {
  const rows = await admin.system.query<{ value: unknown }>(
    "SELECT value FROM outbox WHERE topic = 'budgets.changed' AND value->>'budgetId' = $1 ORDER BY id",
    [budgetId],
  );
  return rows.map(({ value }) => budgetsChanged.parse(value));
}

/** Moves the state of an hourly budget `hours` into the past, with what was used then. */
async function usedBefore(budgetId: string, hours: number, committed: string): Promise<void> {
  const start = Math.floor(Date.now() / HOUR) * HOUR - hours * HOUR;
  await admin.system.execute(
    `UPDATE budget_states SET period_start = $2, period_end = $3, committed = $4 WHERE budget_id = $1`,
    [budgetId, new Date(start).toISOString(), new Date(start + HOUR).toISOString(), committed],
  );
  await admin.system.execute(
    `INSERT INTO budget_ledger (org_id, budget_id, source, source_id, amount, period_start, occurred_at)
     VALUES ('acme', $1, 'adjustment', 'before', $3, $2, $2)`,
    [budgetId, new Date(start).toISOString(), committed],
  );
}

describe('deadlines', () => {
  it('open the state of a budget that was added by hand, so that a subscriber is sent it before anything is spent', async () => {
    const ids = [
      await addBudget(admin, 'acme', { limit: '5' }),
      await addBudget(admin, 'acme', { limit: '5', period: 'day' }),
    ];
    await deadlines().tick();
    const states = await admin.system.query<{ state: unknown }>('SELECT state FROM budget_states ORDER BY budget_id');
    const values = states.map(({ state }) => budgetsChanged.parse(state));
    expect(values).toMatchObject(ids.map((budgetId) => ({ budgetId, used: '0', remaining: '5' })));
    expect(values[1]?.periodEnd).not.toBeNull();
    for (const id of ids) expect(await told(id)).toHaveLength(1);
  });

  it('G5: tell when a period ends, once, with what is carried over, and keep what was used', async () => {
    const id = await addBudget(admin, 'acme', { limit: '10', period: 'hour', carryOver: true });
    await admin.system.execute("UPDATE budgets SET created_at = now() - interval '9 days' WHERE id = $1", [id]);
    await deadlines().tick();
    // Nothing was used before that either: 10 were carried in, and of 20 these are left.
    await usedBefore(id, 1, '14');
    const before = (await told(id)).length;
    await Promise.all([1, 2, 3].map(() => deadlines().tick()));
    const events = (await told(id)).slice(before);
    expect(events).toMatchObject([{ used: '0', limit: '16', remaining: '16', percentUsed: 0 }]);
    const periods = await admin.system.query(
      'SELECT trim_scale(committed) AS committed FROM budget_periods WHERE budget_id = $1',
      [id],
    );
    expect(periods).toEqual([{ committed: '14' }]);
    expect(await checkBudgets(db)).toEqual([]);
  });

  it('roll a state over many periods at once', async () => {
    const id = await addBudget(admin, 'acme', { limit: '10', period: 'hour' });
    await deadlines().tick();
    await usedBefore(id, 50, '4');
    await deadlines().tick();
    expect((await told(id)).at(-1)).toMatchObject({ used: '0' });
    expect(await checkBudgets(db)).toEqual([]);
  });

  it('are met by the clock, without anybody asking', async () => {
    const hold = (id: string, ms: number) =>
      admin.system.execute(
        `INSERT INTO holds (id, org_id, idempotency_key, request_hash, status, amount, tokens, answer, budget_ids, held, expires_at)
         VALUES ($1, 'acme', $1, '', 'open', 0, 0, '{}', '{}', '{}', now() + make_interval(secs => $2::double precision / 1000))`,
        [id, ms],
      );
    let woken = 0;
    const running = deadlines(() => {
      woken += 1;
    });
    running.start();
    await hold('soon', 600);
    await hold('late', 600_000);
    const statuses = () => admin.system.query('SELECT id, status FROM holds ORDER BY id DESC');
    for (const end = Date.now() + 10_000; Date.now() < end; await pause(20)) {
      if ((await statuses()).some((row) => (row as { status: string }).status === 'expired')) break;
    }
    expect(await statuses()).toEqual([
      { id: 'soon', status: 'expired' },
      { id: 'late', status: 'open' },
    ]);
    expect(woken).toBeGreaterThan(0);
    await running.stop();
  });

  it('are tried again after an outage, and it is told', async () => {
    const url = new URL(postgres.appUrl);
    url.port = '1';
    const away = createDatabase({ url: url.href, poolSize: 1, applicationName: 'test', connectTimeoutMs: 300 });
    const reports: unknown[] = [];
    const running = new Deadlines({
      db: away,
      log,
      wake: () => {},
      health: (error) => reports.push(error),
      pollMs: 10,
    });
    running.start();
    for (const end = Date.now() + 5000; reports.length < 2 && Date.now() < end; await pause(10));
    expect(reports.length).toBeGreaterThan(1);
    await running.stop();
    await away.close();
  });
});
