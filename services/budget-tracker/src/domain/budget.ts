import type { BudgetPeriod, BudgetScope, BudgetsChanged, BudgetUnit } from '@governsai/contracts';
import { type Decimal, formatDecimal, percentOf, ZERO } from './decimal.ts';
import { type Period, periodAt } from './period.ts';

/** A limit that somebody set. */
export interface Budget {
  id: string;
  orgId: string;
  name: string;
  limit: Decimal;
  unit: BudgetUnit;
  /** Null for tokens and calls. */
  currency: string | null;
  period: BudgetPeriod;
  timeZone: string;
  /** Holds beyond the limit are refused. */
  hard: boolean;
  scope: BudgetScope;
  /** Whole percentages of the limit, rising. */
  thresholds: readonly number[];
  /** The first seq it counts: decisions stored before it was created are not its matter. */
  fromSeq: number;
}

/** How much of a budget is used in one period. */
export interface BudgetState {
  committed: Decimal;
  held: Decimal;
  /** Grows with every change, so that a reader can drop an older state. */
  version: number;
  /** Start of the period that `committed` belongs to, milliseconds since the epoch; null for `total` or before any use. */
  periodStart: number | null;
}

/** The state as it is at `now`: nothing is used yet in a period that began after the last change. */
export function stateAt(
  budget: Budget,
  state: BudgetState,
  now: number,
): { state: BudgetState; period: Period | null } {
  const period = periodAt(budget.period, now);
  const over = period !== null && (state.periodStart === null || state.periodStart < period.start);
  return { state: over ? { ...state, committed: ZERO, periodStart: period.start } : state, period };
}

/** What is left: negative once usage has gone beyond the limit. */
export function remainingOf(budget: Budget, state: BudgetState): Decimal {
  return budget.limit - state.committed - state.held;
}

/** The event that tells everybody of a state as it is at `now`. */
export function budgetsChangedValue(budget: Budget, last: BudgetState, now: number): BudgetsChanged {
  const { state } = stateAt(budget, last, now);
  return {
    orgId: budget.orgId,
    budgetId: budget.id,
    version: state.version,
    scope: { ...budget.scope },
    limit: formatDecimal(budget.limit),
    used: formatDecimal(state.committed),
    held: formatDecimal(state.held),
    remaining: formatDecimal(remainingOf(budget, state)),
    percentUsed: percentOf(state.committed, budget.limit),
    unit: budget.unit,
    currency: budget.currency,
    period: budget.period,
    updatedAt: new Date(now).toISOString(),
  };
}
