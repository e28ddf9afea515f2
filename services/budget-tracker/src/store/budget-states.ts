import type { BudgetsChanged } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import type { Budget, BudgetState } from '../domain/budget.ts';
import { formatDecimal, parseDecimal } from '../domain/decimal.ts';

interface StateRow {
  budget_id: string;
  committed: string;
  held: string;
  version: number;
  period_start: string | null;
}

/** Locks the states of budgets until the transaction ends, in the order of their ids, and makes those that are missing. */
export async function lockStates(tx: Sql, budgets: readonly Budget[]): Promise<Map<string, BudgetState>> {
  const states = await lockPresent(tx, budgets);
  if (states.size === budgets.length) return states;
  await tx.execute(
    `INSERT INTO budget_states (budget_id, org_id) SELECT * FROM unnest($1::text[], $2::text[]) AS b(id, org_id) ORDER BY id
     ON CONFLICT DO NOTHING`,
    [budgets.map((budget) => budget.id), budgets.map((budget) => budget.orgId)],
  );
  return lockPresent(tx, budgets);
}

async function lockPresent(tx: Sql, budgets: readonly Budget[]): Promise<Map<string, BudgetState>> {
  const rows = await tx.query<StateRow>(
    `SELECT budget_id, committed, held, version, period_start FROM budget_states WHERE budget_id = ANY($1)
     ORDER BY budget_id FOR UPDATE`,
    [budgets.map((budget) => budget.id)],
  );
  return new Map(
    rows.map((row) => [
      row.budget_id,
      {
        committed: parseDecimal(row.committed),
        held: parseDecimal(row.held),
        version: row.version,
        periodStart: row.period_start === null ? null : Date.parse(row.period_start),
      },
    ]),
  );
}

/** A state to be saved, and the event that tells of it. */
export interface StateChange {
  state: BudgetState;
  value: BudgetsChanged;
}

/** Saves locked states, each with the event that a new subscriber is sent. What is held is left to the holds. */
export async function saveStates(tx: Sql, changes: readonly StateChange[]): Promise<void> {
  await tx.execute(
    `UPDATE budget_states s
     SET committed = u.committed, version = u.version, period_start = u.period_start, state = u.state::jsonb, updated_at = u.updated_at
     FROM unnest($1::text[], $2::numeric[], $3::bigint[], $4::timestamptz[], $5::text[], $6::timestamptz[])
       AS u(budget_id, committed, version, period_start, state, updated_at)
     WHERE s.budget_id = u.budget_id`,
    [
      changes.map(({ value }) => value.budgetId),
      changes.map(({ state }) => formatDecimal(state.committed)),
      changes.map(({ state }) => state.version),
      changes.map(({ state }) => (state.periodStart === null ? null : new Date(state.periodStart).toISOString())),
      changes.map(({ value }) => JSON.stringify(value)),
      changes.map(({ value }) => value.updatedAt),
    ],
  );
}
