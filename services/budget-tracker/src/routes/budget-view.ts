import type { Budget as BudgetView } from '@governsai/contracts';
import { remainingOf, stateAt } from '../domain/budget.ts';
import { formatDecimal, percentOf } from '../domain/decimal.ts';
import type { BudgetDetails } from '../store/budgets.ts';

/** A budget as clients see it at `now` (milliseconds since the epoch). */
export function budgetView({ budget, state: last, createdAt, updatedAt }: BudgetDetails, now: number): BudgetView {
  const { state, period } = stateAt(budget, last, now);
  return {
    id: budget.id,
    orgId: budget.orgId,
    name: budget.name,
    limit: formatDecimal(budget.limit),
    unit: budget.unit,
    currency: budget.currency,
    period: budget.period,
    timeZone: budget.timeZone,
    anchor: null,
    hard: budget.hard,
    carryOver: false,
    startsAt: null,
    endsAt: null,
    scope: budget.scope,
    thresholds: [...budget.thresholds],
    forecast: false,
    carried: '0',
    revision: 1,
    fromSeq: budget.fromSeq,
    used: formatDecimal(state.committed),
    held: formatDecimal(state.held),
    remaining: formatDecimal(remainingOf(budget, state)),
    percentUsed: percentOf(state.committed, budget.limit),
    periodStart: period && new Date(period.start).toISOString(),
    periodEnd: period && new Date(period.end).toISOString(),
    version: state.version,
    createdAt,
    updatedAt,
  };
}
