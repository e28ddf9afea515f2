import { type BudgetsChanged, type BudgetUpdate, channelName } from '@governsai/contracts';

/**
 * The BUDGET_UPDATE of a budget's state. The protocol's amounts are JSON numbers: this is the one place where decimal strings
 * are rounded to doubles.
 */
export function budgetUpdateOf(state: BudgetsChanged): BudgetUpdate {
  const used = Number(state.used);
  const remaining = Number(state.remaining);
  const limit = Number(state.limit);
  return {
    type: 'BUDGET_UPDATE',
    channel: channelName({ kind: 'budget', orgId: state.orgId }),
    data: {
      orgId: state.orgId,
      budgetId: state.budgetId,
      scope: state.scope,
      budgetRemaining: remaining,
      budgetUsed: used,
      budgetHeld: Number(state.held),
      budgetTotal: limit,
      percentUsed: state.percentUsed,
      currentSpend: used,
      remaining,
      limit,
      currency: state.currency,
      period: state.period,
      version: state.version,
      lastUpdate: state.updatedAt,
    },
  };
}
