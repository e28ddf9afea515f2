import type { Budget as BudgetView } from '@governsai/contracts';
import { allowance, isoOrNull, remainingOf, stateAt } from '../domain/budget.ts';
import { formatDecimal, percentOf } from '../domain/decimal.ts';
import type { BudgetDetails } from '../store/budgets.ts';

/** A budget as clients see it at `now` (milliseconds since the epoch). */
export function budgetView({ budget, state: last, createdAt, updatedAt }: BudgetDetails, now: number): BudgetView {
  const state = stateAt(budget, last, now);
  return {
    id: budget.id,
    orgId: budget.orgId,
    name: budget.name,
    limit: formatDecimal(budget.limit),
    unit: budget.unit,
    currency: budget.currency,
    period: budget.periods.kind,
    timeZone: budget.periods.timeZone,
    anchor: isoOrNull(budget.periods.anchor),
    hard: budget.hard,
    carryOver: budget.carryOver,
    startsAt: isoOrNull(budget.startsAt),
    endsAt: isoOrNull(budget.endsAt),
    scope: budget.scope,
    thresholds: [...budget.thresholds],
    forecast: budget.forecast,
    used: formatDecimal(state.committed),
    held: formatDecimal(state.held),
    carried: formatDecimal(state.carried),
    remaining: formatDecimal(remainingOf(budget, state)),
    percentUsed: percentOf(state.committed, allowance(budget, state)),
    periodStart: isoOrNull(state.period?.start),
    periodEnd: isoOrNull(state.period?.end),
    version: state.version,
    revision: budget.revision,
    fromSeq: budget.fromSeq,
    createdAt,
    updatedAt,
  };
}
