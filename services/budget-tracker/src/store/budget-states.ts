import type { BudgetsChanged } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import { traceHeaders } from '@governsai/service';
import {
  type Budget,
  type BudgetState,
  isoOrNull,
  nextPeriod,
  type PeriodUse,
  rolledOver,
  useOf,
} from '../domain/budget.ts';
import { formatDecimal, parseDecimal, ZERO } from '../domain/decimal.ts';
import type { Period } from '../domain/period.ts';
import { OUTBOX } from '../outbox.ts';
import {
  BUDGET_COLUMNS,
  type BudgetRow,
  budgetFromRow,
  STATE_COLUMNS,
  type StateRow,
  stateFromRow,
} from './budget-rows.ts';
import { findBudgets } from './budgets.ts';

/**
 * Locks the states of budgets until the transaction ends, in the order of their ids, makes those that are missing, and returns
 * them with their budgets in the present version: what a budget is changes only under this lock. One that does not exist is left
 * out. Lock the cursor of the org and holds before, the heads of notifications after.
 */
export async function lockStates(tx: Sql, ids: readonly string[]): Promise<BudgetAndState[]> {
  const locked = await lockPresent(tx, ids);
  if (locked.length === ids.length) return locked;
  await tx.execute(
    `INSERT INTO budget_states (budget_id, org_id, budget_version)
     SELECT b.id, b.org_id, b.version FROM budgets b WHERE b.id = ANY($1) ORDER BY b.id ON CONFLICT DO NOTHING`,
    [ids],
  );
  return lockPresent(tx, ids);
}

async function lockPresent(tx: Sql, ids: readonly string[]): Promise<BudgetAndState[]> {
  const rows = await tx.query<StateRow & BudgetRow & { budget_version: number }>(
    `SELECT s.budget_version, ${STATE_COLUMNS}, ${BUDGET_COLUMNS} FROM budget_states s JOIN budgets b ON b.id = s.budget_id
     WHERE s.budget_id = ANY($1) ORDER BY s.budget_id FOR UPDATE OF s`,
    [ids],
  );
  // A lock that was waited for shows the state of now, but the budget of before: then their versions differ.
  const stale = rows.filter((row) => row.budget_version !== row.version).map(({ id }) => id);
  const fresh = await findBudgets(tx, stale);
  return rows.map((row) => ({ budget: fresh.get(row.id) ?? budgetFromRow(row), state: stateFromRow(row) }));
}

/** A budget and its locked state. */
export interface BudgetAndState {
  budget: Budget;
  state: BudgetState;
}

/**
 * Rolls locked states over to the periods of `now` and puts the ones that are over into the table of periods. Returns all of
 * them in the order given, and whether each has changed.
 */
export async function rollOver(
  tx: Sql,
  locked: readonly BudgetAndState[],
  now: number,
): Promise<(BudgetAndState & { rolled: boolean })[]> {
  const due = new Map<string, Period>();
  for (const { budget, state } of locked) {
    const period = nextPeriod(budget, state, now);
    if (period) due.set(budget.id, period);
  }
  if (due.size === 0) return locked.map((one) => ({ ...one, rolled: false }));
  const over = locked.filter(({ budget }) => due.has(budget.id));
  await savePeriods(
    tx,
    over.flatMap(({ budget, state }) => {
      const use = useOf(budget, state);
      return use ? [{ budget, use }] : [];
    }),
  );
  const used = await readUsed(tx, due);
  return locked.map(({ budget, state }) => {
    const period = due.get(budget.id);
    if (!period) return { budget, state, rolled: false };
    return { budget, state: rolledOver(budget, state, period, used.get(budget.id) ?? ZERO), rolled: true };
  });
}

/** What was used of periods before they became current, by budget. */
async function readUsed(tx: Sql, periods: ReadonlyMap<string, Period>) {
  const rows = await tx.query<{ budget_id: string; committed: string }>(
    `SELECT p.budget_id, p.committed FROM unnest($1::text[], $2::timestamptz[]) AS w(budget_id, period_start)
     JOIN budget_periods p ON p.budget_id = w.budget_id AND p.period_start = w.period_start`,
    [[...periods.keys()], [...periods.values()].map(({ start }) => isoOrNull(start))],
  );
  return new Map(rows.map((row) => [row.budget_id, parseDecimal(row.committed)]));
}

/** Saves periods that are not, or no longer, current. */
export async function savePeriods(tx: Sql, periods: readonly { budget: Budget; use: PeriodUse }[]): Promise<void> {
  if (periods.length === 0) return;
  await tx.execute(
    `INSERT INTO budget_periods (budget_id, period_start, org_id, period_end, limit_amount, carried, committed)
     SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::numeric[], $6::numeric[], $7::numeric[])
     ON CONFLICT (budget_id, period_start) DO UPDATE SET period_end = EXCLUDED.period_end,
       limit_amount = EXCLUDED.limit_amount, carried = EXCLUDED.carried, committed = EXCLUDED.committed`,
    [
      periods.map(({ budget }) => budget.id),
      periods.map(({ use }) => isoOrNull(use.start)),
      periods.map(({ budget }) => budget.orgId),
      periods.map(({ use }) => isoOrNull(use.end)),
      periods.map(({ use }) => formatDecimal(use.limit)),
      periods.map(({ use }) => formatDecimal(use.carried)),
      periods.map(({ use }) => formatDecimal(use.committed)),
    ],
  );
}

/** Which periods of a budget are wanted: of one that carries over all that end at `since` or later, else those that begin at these. */
export interface WantedPeriods {
  budget: Budget;
  starts: readonly number[];
}

/** The stored periods of budgets that lines fall into, and those that they may change what is carried into. */
export async function readPeriods(tx: Sql, wanted: readonly WantedPeriods[]): Promise<Map<string, PeriodUse[]>> {
  const byBudget = new Map<string, PeriodUse[]>();
  if (wanted.length === 0) return byBudget;
  const carrying = wanted.filter(({ budget }) => budget.carryOver);
  const single = wanted.filter(({ budget }) => !budget.carryOver);
  const pairs = single.flatMap(({ budget, starts }) => starts.map((start) => [budget.id, isoOrNull(start)] as const));
  const rows = await tx.query<{
    budget_id: string;
    period_start: string;
    period_end: string;
    limit_amount: string;
    carried: string;
    committed: string;
  }>(
    `SELECT p.budget_id, p.period_start, p.period_end, p.limit_amount, p.carried, p.committed FROM budget_periods p
     JOIN unnest($1::text[], $2::timestamptz[]) AS w(budget_id, since) ON p.budget_id = w.budget_id AND p.period_end >= w.since
     UNION ALL
     SELECT p.budget_id, p.period_start, p.period_end, p.limit_amount, p.carried, p.committed FROM budget_periods p
     JOIN unnest($3::text[], $4::timestamptz[]) AS w(budget_id, start) ON p.budget_id = w.budget_id AND p.period_start = w.start`,
    [
      carrying.map(({ budget }) => budget.id),
      carrying.map(({ starts }) => isoOrNull(Math.min(...starts))),
      pairs.map(([id]) => id),
      pairs.map(([, start]) => start),
    ],
  );
  for (const row of rows) {
    const uses = byBudget.get(row.budget_id) ?? [];
    byBudget.set(row.budget_id, uses);
    uses.push({
      start: Date.parse(row.period_start),
      end: Date.parse(row.period_end),
      limit: parseDecimal(row.limit_amount),
      carried: parseDecimal(row.carried),
      committed: parseDecimal(row.committed),
    });
  }
  return byBudget;
}

/** A state to be saved, and the event that tells of it. */
export interface StateChange extends BudgetAndState {
  value: BudgetsChanged;
}

/**
 * Saves locked states, each with the event that a new subscriber is sent and that goes to the outbox. The budgets are the
 * present versions. One round trip: others wait for these locks.
 */
export async function saveStates(tx: Sql, changes: readonly StateChange[]): Promise<void> {
  if (changes.length === 0) return;
  await tx.execute(
    `WITH u AS (
       SELECT * FROM unnest($1::text[], $2::numeric[], $3::numeric[], $4::numeric[], $5::bigint[], $6::timestamptz[],
           $7::timestamptz[], $8::int[], $9::jsonb[], $10::timestamptz[])
         AS u(budget_id, committed, held, carried, version, period_start, period_end, budget_version, state, updated_at)
     ), events AS (
       INSERT INTO outbox (service, topic, key, value, headers)
       SELECT $11, 'budgets.changed', u.state->>'orgId', u.state, $12::jsonb FROM u
     )
     UPDATE budget_states s SET committed = u.committed, held = u.held, carried = u.carried, version = u.version,
       period_start = u.period_start, period_end = u.period_end, budget_version = u.budget_version, state = u.state,
       updated_at = u.updated_at
     FROM u WHERE s.budget_id = u.budget_id`,
    [
      changes.map(({ budget }) => budget.id),
      changes.map(({ state }) => formatDecimal(state.committed)),
      changes.map(({ state }) => formatDecimal(state.held)),
      changes.map(({ state }) => formatDecimal(state.carried)),
      changes.map(({ state }) => state.version),
      changes.map(({ state }) => isoOrNull(state.period?.start)),
      changes.map(({ state }) => isoOrNull(state.period?.end)),
      changes.map(({ budget }) => budget.revision),
      changes.map(({ value }) => JSON.stringify(value)),
      changes.map(({ value }) => value.updatedAt),
      OUTBOX,
      JSON.stringify(traceHeaders()),
    ],
  );
}
