import type { Condition } from '@governsai/cel';
import type { BudgetScope, BudgetsChanged, BudgetUnit } from '@governsai/contracts';
import { type Decimal, formatDecimal, percentOf, smaller, ZERO } from './decimal.ts';
import { type Period, type PeriodRule, periodAt } from './period.ts';

/** A limit that somebody set, in one of its versions. */
export interface Budget {
  id: string;
  orgId: string;
  name: string;
  limit: Decimal;
  unit: BudgetUnit;
  /** Null for tokens and calls. */
  currency: string | null;
  periods: PeriodRule;
  /** Holds beyond the limit are refused. */
  hard: boolean;
  /** What a period leaves is added to the next. */
  carryOver: boolean;
  /** It counts usage from here, milliseconds since the epoch; null: no such moment. */
  startsAt: number | null;
  /** Up to here, not included. */
  endsAt: number | null;
  scope: BudgetScope;
  /** `scope.when`, compiled; null when there is none. */
  condition: Condition | null;
  /** Whole percentages of the limit, rising. */
  thresholds: readonly number[];
  /** Whether a forecast of an overrun is told. */
  forecast: boolean;
  /** The first seq it counts: decisions stored before it was created are not its matter. */
  fromSeq: number;
  /** Which version this is. */
  revision: number;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** How much of a budget is used in its current period. */
export interface BudgetState {
  committed: Decimal;
  held: Decimal;
  /** Left over from the period before, on top of the limit. */
  carried: Decimal;
  /** Grows with every change, so that a reader can drop an older state. */
  version: number;
  /**
   * The period that `committed` and `carried` belong to; null for `total`, and before the state was opened. That of an
   * archived budget never ends.
   */
  period: Period | null;
}

/** What was used in a period, current or not. */
export interface PeriodUse extends Period {
  /** As it was last. */
  limit: Decimal;
  carried: Decimal;
  committed: Decimal;
}

/** The most that may be used in a period. */
export function allowance(budget: Pick<Budget, 'limit'>, state: Pick<BudgetState, 'carried'>): Decimal {
  return budget.limit + state.carried;
}

/** What is left: negative once usage has gone beyond what is allowed. */
export function remainingOf(budget: Budget, state: BudgetState): Decimal {
  return allowance(budget, state) - state.committed - state.held;
}

/** Whether a budget counts what happens at a time. */
export function isEffective(budget: Budget, time: number): boolean {
  return (budget.startsAt === null || budget.startsAt <= time) && (budget.endsAt === null || time < budget.endsAt);
}

/**
 * What is carried into a period from the one before it (null: nothing was used in that): what it left, at most one limit, so
 * that years of silence are no licence. Nothing into the first period of a budget and those before.
 */
export function carriedInto(budget: Budget, period: Period, before: PeriodUse | null): Decimal {
  const first = Math.max(budget.createdAt, budget.startsAt ?? budget.createdAt);
  if (!budget.carryOver || period.start <= first) return ZERO;
  const limit = before?.limit ?? budget.limit;
  const left = before === null ? limit : limit + before.carried - before.committed;
  return left < ZERO ? ZERO : smaller(left, limit);
}

/** The period a state has to be rolled over to at `now`; null when it is in the right one, or a later one already. */
export function nextPeriod(budget: Budget, state: BudgetState, now: number): Period | null {
  const period = periodAt(budget.periods, now);
  if (period === null) return null;
  return state.period === null || state.period.end <= period.start ? period : null;
}

/** The use of the state's own period; null when it has none. */
export function useOf(budget: Budget, { period, carried, committed }: BudgetState): PeriodUse | null {
  return period && { ...period, limit: budget.limit, carried, committed };
}

/** The state in a new period, of which `committed` was used already (by usage that came before its time). */
export function rolledOver(budget: Budget, state: BudgetState, period: Period, committed: Decimal): BudgetState {
  const last = useOf(budget, state);
  const before = last !== null && last.end === period.start ? last : null;
  return { ...state, committed, carried: carriedInto(budget, period, before), period };
}

/** The state as it is at `now`, to be shown: nothing is used yet in a period that nobody rolled it over to. */
export function stateAt(budget: Budget, state: BudgetState, now: number): BudgetState {
  const period = nextPeriod(budget, state, now);
  return period === null ? state : rolledOver(budget, state, period, ZERO);
}

/**
 * Carries anew through periods in order, each with what the one before leaves, and returns those that changed. A gap between
 * two is a time in which nothing was used. The first stays as it is.
 */
export function carryForward(budget: Budget, uses: readonly PeriodUse[]): PeriodUse[] {
  const changed: PeriodUse[] = [];
  let before = uses[0];
  for (const use of uses.slice(1)) {
    const carried = carriedInto(budget, use, before !== undefined && before.end === use.start ? before : null);
    before = carried === use.carried ? use : { ...use, carried };
    if (before !== use) changed.push(before);
  }
  return changed;
}

/** RFC 3339; null for no time, and for one that never comes. */
export function isoOrNull(time: number | null | undefined): string | null {
  return time === null || time === undefined || time === Number.POSITIVE_INFINITY ? null : new Date(time).toISOString();
}

/** The event that tells everybody of a state. `now` is milliseconds since the epoch. */
export function budgetsChangedValue(budget: Budget, state: BudgetState, now: number): BudgetsChanged {
  const limit = allowance(budget, state);
  return {
    orgId: budget.orgId,
    budgetId: budget.id,
    version: state.version,
    scope: { ...budget.scope },
    limit: formatDecimal(limit),
    used: formatDecimal(state.committed),
    held: formatDecimal(state.held),
    remaining: formatDecimal(remainingOf(budget, state)),
    percentUsed: percentOf(state.committed, limit),
    unit: budget.unit,
    currency: budget.currency,
    period: budget.periods.kind,
    periodStart: isoOrNull(state.period?.start),
    periodEnd: isoOrNull(state.period?.end),
    updatedAt: new Date(now).toISOString(),
  };
}
