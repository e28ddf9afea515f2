import type { Budget } from './budget.ts';
import { type Decimal, wholeDecimal, ZERO } from './decimal.ts';
import type { Recorded } from './recorded.ts';

/** Whether a budget counts a decision at all: it was there before, and every member of its scope agrees. */
export function isInScope(budget: Budget, recorded: Recorded): boolean {
  const { scope } = budget;
  return (
    recorded.orgId === budget.orgId &&
    recorded.seq >= budget.fromSeq &&
    (scope.userId === undefined || scope.userId === recorded.userId) &&
    (scope.keyId === undefined || scope.keyId === recorded.keyId) &&
    (scope.tool === undefined || scope.tool === recorded.tool) &&
    (scope.tag === undefined || recorded.tags.includes(scope.tag))
  );
}

/**
 * How much of a budget a decision uses, scope aside. Money in another currency is not counted, for there is no rate to
 * count it by; a cost without a currency is in the budget's own. Every stored decision is one call.
 */
export function amountFor(budget: Budget, recorded: Recorded): Decimal {
  switch (budget.unit) {
    case 'currency': {
      const other = recorded.currency !== null && recorded.currency !== budget.currency;
      return other ? ZERO : (recorded.cost ?? ZERO);
    }
    case 'tokens':
      return wholeDecimal(recorded.inputTokens) + wholeDecimal(recorded.outputTokens);
    case 'calls':
      return wholeDecimal(1);
  }
}
