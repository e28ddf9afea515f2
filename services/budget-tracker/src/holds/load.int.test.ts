import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { HoldAnswer, NewHold, Principal } from '@governsai/contracts';
import { AppError, plainDecimal } from '@governsai/contracts';
import { createDatabase, type Database, isTransient } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Deadlines } from '../deadlines.ts';
import { fromEvent } from '../domain/recorded.ts';
import { checkBudgets, type Mismatch } from '../store/check.ts';
import { Definitions } from '../store/definitions.ts';
import { sampleEvent } from '../testing.ts';
import { addBudget, addOrg, booksOf } from '../testing-database.ts';
import { type Arrival, Tracker } from '../tracker.ts';
import { HoldDesk } from './desk.ts';

const ORG = 'load';
const CALLERS = 200;
/** Holds of one caller; `make budgets-soak` has each do 50. */
const ROUNDS = Number(process.env.HOLD_ROUNDS ?? 3);
const SHORT_TTL = 2;
const LONG_TTL = 600;
const TOOLS = ['web', 'mail', 'code'];
const USERS = ['u1', 'u2', 'u3'];
const TAGS = ['x', 'y'];

jest.setTimeout(60_000 + ROUNDS * 15_000);

const log = createLogger('budget-tracker', 'silent');
let postgres: TestDatabase;
let admin: Database;
/** As two trackers have it: own connections, own memory. */
let trackers: { db: Database; desk: HoldDesk; definitions: Definitions; deadlines: Deadlines }[];

beforeAll(async () => {
  postgres = await createTestDatabase();
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 3, applicationName: 'test' });
  trackers = [1, 2].map(() => {
    const url = postgres.appUrl;
    const db = createDatabase({ url, poolSize: 12, applicationName: 'budget-tracker', connectTimeoutMs: 60_000 });
    const definitions = new Definitions();
    const desk = new HoldDesk({ db, definitions, onOutage: 'closed', log, wake: () => {} });
    return {
      db,
      desk,
      definitions,
      deadlines: new Deadlines({ db, log, wake: () => {}, health: () => {}, pollMs: 50 }),
    };
  });
  for (const { deadlines } of trackers) deadlines.start();
});

afterAll(async () => {
  await Promise.all((trackers ?? []).map(({ deadlines }) => deadlines.stop()));
  await Promise.all((trackers ?? []).map(({ db }) => db.close()));
  await admin?.close();
  await postgres?.drop();
});

const one = <T>(items: readonly T[]): T => items[randomInt(items.length)] as T;
const amountUpTo = (most: number) => plainDecimal(Number((Math.random() * most).toFixed(9)));

/** Keeps every state that went past its hard limit: the database itself, whoever wrote it. */
async function watchLimits(): Promise<void> {
  for (const statement of [
    'CREATE TABLE violations (budget_id text, committed numeric, held numeric, allowed numeric)',
    `CREATE FUNCTION watch_limit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
       BEGIN
         INSERT INTO public.violations
           SELECT NEW.budget_id, NEW.committed, NEW.held, b.limit_amount + NEW.carried FROM public.budgets b
           WHERE b.id = NEW.budget_id AND b.hard AND NEW.committed + NEW.held > b.limit_amount + NEW.carried;
         RETURN NULL;
       END $$`,
    'CREATE TRIGGER watch_limit AFTER INSERT OR UPDATE ON budget_states FOR EACH ROW EXECUTE FUNCTION watch_limit()',
  ]) {
    await admin.system.execute(statement);
  }
}

/** The same from what the sums are made of, seen at one moment. */
const BEYOND = `
  SELECT b.id, sum(x.amount) FROM budgets b
  JOIN (
    SELECT l.budget_id, l.amount FROM budget_ledger l JOIN budget_states s ON s.budget_id = l.budget_id
      WHERE l.period_start IS NOT DISTINCT FROM s.period_start
    UNION ALL
    SELECT line.budget_id, line.held FROM holds h CROSS JOIN LATERAL unnest(h.budget_ids, h.held) AS line(budget_id, held)
      WHERE h.status = 'open'
  ) x ON x.budget_id = b.id
  WHERE b.hard GROUP BY b.id, b.limit_amount HAVING sum(x.amount) > b.limit_amount`;

/** Decisions on their way to both trackers, which see all of them, in pieces of their own and twice. */
class Decisions {
  readonly all: Arrival<null>[] = [];
  readonly #done = [0, 0];

  add(
    cost: string,
    given: { holdId?: string; correlationId?: string; tool: string; userId: string; tags: string[] },
  ): void {
    const event = sampleEvent(ORG, this.all.length + 1, cost);
    const { tool, tags, userId, correlationId = null, holdId } = given;
    const at = new Date().toISOString();
    const recorded = fromEvent({
      ...event,
      userId,
      decision: { ...event.decision, tool, tags, correlationId, timestamp: at },
      usage: { cost, currency: 'USD', inputTokens: 3, ...(holdId && { holdId }) },
      receivedAt: at,
    });
    this.all.push({ orgId: ORG, seq: recorded.seq, recorded, source: null });
  }

  async count(index: number): Promise<void> {
    const { db, definitions } = trackers[index] as (typeof trackers)[number];
    const done = this.#done[index] ?? 0;
    const from = Math.max(0, done - randomInt(20));
    const batch = this.all.slice(from, done + 1 + randomInt(100));
    if (batch.length === 0) return;
    const tracker = new Tracker<null>({ db, log, definitions, giveUp: async () => {} });
    await tracker.track(batch, async () => {});
    this.#done[index] = Math.max(done, from + batch.length);
  }

  isCounted(): boolean {
    return Math.min(...this.#done) === this.all.length;
  }
}

/** Tries until the database answers: what is done is done once. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const again = (error instanceof AppError && error.code === 'UNAVAILABLE') || isTransient(error);
      if (!again) throw error;
      await pause(20);
    }
  }
}

async function enforced(hold: NewHold, userId: string): Promise<HoldAnswer> {
  const principal: Principal = { kind: 'apiKey', orgId: ORG, userId, keyId: 'k', scopes: [], expiresAt: null };
  for (;;) {
    const answer = await one(trackers).desk.ask({ principal, hold });
    if (answer.mode === 'enforced') return answer;
    await pause(20);
  }
}

const outcomes: Record<string, number> = {};
const count = (what: string) => {
  outcomes[what] = (outcomes[what] ?? 0) + 1;
};

async function call(caller: number, round: number, decisions: Decisions): Promise<void> {
  const call = { tool: one(TOOLS), userId: one(USERS), tags: [one(TAGS)] };
  const way = randomInt(8);
  // Whoever dies leaves his hold to its time; whoever is late finds it over.
  const ttlSeconds = way < 2 ? SHORT_TTL : LONG_TTL;
  const correlationId = `c-${caller}-${round}`;
  const amount = amountUpTo(2);
  const hold = { idempotencyKey: correlationId, amount, tokens: 10, correlationId, ttlSeconds, ...call };
  const { allowed, holdId } = await enforced(hold, call.userId);
  if (!allowed || holdId === null) return count('refused');
  const { desk } = one(trackers);
  const spent = amountUpTo(Number(amount));
  const less = amountUpTo(Number(spent));
  const isClosed = (error: unknown) => error instanceof AppError && error.code === 'HOLD_CLOSED';
  switch (way) {
    case 0:
      return count('crashed');
    case 1:
      await pause(SHORT_TTL * 1000 - 100 + randomInt(200));
      await insist(() => desk.settle(ORG, holdId, { amount: spent, tokens: 5 })).then(
        () => count('settled at the last moment'),
        (error) => (isClosed(error) ? count('settled too late') : Promise.reject(error)),
      );
      return;
    case 2:
      await insist(() => desk.release(ORG, holdId));
      return count('released');
    case 3:
      decisions.add(spent, { ...call, holdId });
      return count('named by a decision');
    case 4:
      decisions.add(spent, { ...call, correlationId });
      return count('found by a decision');
    case 5:
      await insist(() => desk.settle(ORG, holdId, { amount: spent, tokens: 5 }));
      decisions.add(less, { ...call, holdId });
      return count('settled, then a decision');
    case 6:
      decisions.add(spent, { ...call, holdId });
      await insist(() => desk.settle(ORG, holdId, { amount: spent, tokens: 3 }));
      return count('settled while a decision comes');
    default:
      await Promise.all([1, 2].map(() => insist(() => desk.settle(ORG, holdId, { amount, tokens: 10 }))));
      return count('settled twice');
  }
}

it(`G5: ${CALLERS} callers, whatever becomes of them, never take committed + held past a hard limit, and leak no hold`, async () => {
  await addOrg(admin, ORG, 1_000_000);
  const size = ROUNDS / 4;
  const hard = { hard: true, thresholds: [10, 25, 50, 80, 95, 100] };
  const budgets = [
    await addBudget(admin, ORG, { ...hard, limit: String(150 * size) }),
    await addBudget(admin, ORG, {
      ...hard,
      limit: String(60 * size),
      period: 'month',
      timeZone: 'Europe/Berlin',
      scope: { tool: 'web' },
    }),
    await addBudget(admin, ORG, { ...hard, limit: String(50 * size), scope: { userId: 'u1' } }),
    await addBudget(admin, ORG, { ...hard, limit: String(80 * size), scope: { tag: 'x' } }),
    await addBudget(admin, ORG, {
      ...hard,
      limit: String(40 * size),
      scope: { userId: 'u2', when: 'tool != "web" && usage.cost < 1.5' },
    }),
    await addBudget(admin, ORG, { ...hard, limit: String(400 * size), unit: 'calls' }),
    await addBudget(admin, ORG, { ...hard, limit: String(3500 * size), unit: 'tokens' }),
    await addBudget(admin, ORG, { hard: false, limit: '5', thresholds: [50, 100] }),
  ];
  await watchLimits();

  let busy = true;
  const beyond: unknown[] = [];
  const mismatches: Mismatch[] = [];
  const checking = (async () => {
    while (busy) {
      beyond.push(...(await admin.system.query(BEYOND)));
      mismatches.push(...(await checkBudgets(admin)));
      await pause(20);
    }
  })();
  // Processes die in the midst of a transaction: PostgreSQL sees no more of that than a connection that ends.
  let killed = 0;
  const killing = (async () => {
    while (busy) {
      await pause(150);
      killed += await admin.system.execute(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
           AND application_name = 'budget-tracker' AND state <> 'idle' ORDER BY random() LIMIT 1`,
      );
    }
  })();
  const decisions = new Decisions();
  const counting = trackers.map(async (_, index) => {
    while (busy || !decisions.isCounted()) {
      await decisions.count(index).catch((error) => (isTransient(error) ? null : Promise.reject(error)));
      await pause(5);
    }
  });
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let round = 0; round < ROUNDS; round++) await call(caller, round, decisions);
  });
  try {
    await Promise.all(callers);
  } finally {
    busy = false;
  }
  await Promise.all([...counting, checking, killing]);

  expect(await admin.system.query('SELECT * FROM violations')).toEqual([]);
  expect(beyond).toEqual([]);
  expect(mismatches).toEqual([]);
  expect(killed).toBeGreaterThan(3);
  expect(outcomes.refused).toBeGreaterThan(CALLERS / 10);
  expect(outcomes['settled twice']).toBeGreaterThan(3);

  // No hold is left over when the last one's time is over, and all that is left can be spent, to the last digit.
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(100)) {
    const [open] = await admin.system.query<{ count: number }>(
      "SELECT count(*) AS count FROM holds WHERE status = 'open'",
    );
    if (open?.count === 0) break;
  }
  const expected = await admin.system.query<{ id: string; used: string }>(
    `SELECT b.id, trim_scale(COALESCE((SELECT sum(l.amount) FROM budget_ledger l WHERE l.budget_id = b.id), 0)) AS used
     FROM budgets b ORDER BY b.id`,
  );
  for (const { id, used } of expected) expect(await booksOf(admin, id)).toMatchObject({ held: '0', committed: used });
  const rest = await admin.system.query<{ rest: string }>(
    `SELECT trim_scale(b.limit_amount - s.committed) AS rest FROM budgets b JOIN budget_states s ON s.budget_id = b.id WHERE b.id = $1`,
    [budgets[0]],
  );
  const everything = { idempotencyKey: 'rest', amount: rest[0]?.rest ?? '0', tokens: 0, ttlSeconds: 60 };
  expect(await enforced(everything, 'u9')).toMatchObject({
    allowed: true,
    remaining: expect.stringMatching(/^(0|-.*)$/),
  });
  expect(await enforced({ ...everything, idempotencyKey: 'more', amount: '0.000000000001' }, 'u9')).toMatchObject({
    allowed: false,
  });

  // Every threshold that was reached is told of once, to each who is told.
  const told = await admin.system.query<{ name: string; times: number }>(
    `SELECT data->>'budgetId' || ' ' || (data->>'threshold') AS name, count(*) AS times FROM notifications
     WHERE kind = 'budget.threshold' GROUP BY 1, user_id`,
  );
  expect(told.filter(({ times }) => times !== 1)).toEqual([]);
  const reached = await admin.system.query<{ name: string }>(
    `SELECT b.id || ' ' || t AS name FROM budgets b JOIN budget_states s ON s.budget_id = b.id CROSS JOIN unnest(b.thresholds) AS t
     WHERE s.committed * 100 >= b.limit_amount * t`,
  );
  expect(told.map(({ name }) => name)).toEqual(expect.arrayContaining(reached.map(({ name }) => name)));
  expect(reached.length).toBeGreaterThan(budgets.length);
});
