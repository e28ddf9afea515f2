import { type Condition, compileCondition } from '@governsai/cel';
import type { BudgetPeriod, BudgetScope, BudgetUnit } from '@governsai/contracts';
import type { Budget, BudgetState } from '../domain/budget.ts';
import { parseDecimal } from '../domain/decimal.ts';

/** A budget as the table has it, as far as the domain wants to know. */
export interface BudgetRow {
  id: string;
  org_id: string;
  name: string;
  limit_amount: string;
  unit: BudgetUnit;
  currency: string | null;
  period: BudgetPeriod;
  anchor: string | null;
  time_zone: string;
  hard: boolean;
  carry_over: boolean;
  starts_at: string | null;
  ends_at: string | null;
  scope: BudgetScope;
  thresholds: number[];
  forecast: boolean;
  from_seq: number;
  version: number;
  created_at: string;
}

/** The columns of {@link BudgetRow}, of `budgets b`. */
export const BUDGET_COLUMNS = `b.id, b.org_id, b.name, b.limit_amount, b.unit, b.currency, b.period, b.anchor, b.time_zone, b.hard,
  b.carry_over, b.starts_at, b.ends_at, b.scope, b.thresholds, b.forecast, b.from_seq, b.version, b.created_at`;

/** The state of a budget as the table has it. */
export interface StateRow {
  committed: string;
  held: string;
  carried: string;
  state_version: number;
  period_start: string | null;
  period_end: string | null;
}

/** The columns of {@link StateRow}, of `budget_states s`, which may be missing. */
export const STATE_COLUMNS = `COALESCE(s.committed, 0) AS committed, COALESCE(s.held, 0) AS held, COALESCE(s.carried, 0) AS carried,
  COALESCE(s.version, 0) AS state_version, s.period_start, s.period_end`;

export function budgetFromRow(row: BudgetRow): Budget {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    limit: parseDecimal(row.limit_amount),
    unit: row.unit,
    currency: row.currency,
    periods: { kind: row.period, timeZone: row.time_zone, anchor: timeOrNull(row.anchor) },
    hard: row.hard,
    carryOver: row.carry_over,
    startsAt: timeOrNull(row.starts_at),
    endsAt: timeOrNull(row.ends_at),
    scope: row.scope,
    condition: conditionOf(row.scope),
    thresholds: row.thresholds,
    forecast: row.forecast,
    fromSeq: row.from_seq,
    revision: row.version,
    createdAt: Date.parse(row.created_at),
  };
}

export function stateFromRow(row: StateRow): BudgetState {
  const start = timeOrNull(row.period_start);
  // Without an end it is the last one: the budget is archived.
  const end = timeOrNull(row.period_end) ?? Number.POSITIVE_INFINITY;
  return {
    committed: parseDecimal(row.committed),
    held: parseDecimal(row.held),
    carried: parseDecimal(row.carried),
    version: row.state_version,
    period: start === null ? null : { start, end },
  };
}

/** A time of the database in milliseconds since the epoch. */
export function timeOrNull(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
}

const NEVER: Condition = { source: '', matches: () => false };

/** Checked when it was stored. One that does not compile any more is met by nothing: it must not hold up its org. */
function conditionOf({ when }: BudgetScope): Condition | null {
  if (when === undefined) return null;
  try {
    return compileCondition(when, 'scope.when');
  } catch {
    return NEVER;
  }
}
