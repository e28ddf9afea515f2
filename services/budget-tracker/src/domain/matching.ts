import { type DecisionFacts, decisionFacts } from '@governsai/cel';
import { type Budget, isEffective } from './budget.ts';
import { type Decimal, formatDecimal, wholeDecimal, ZERO } from './decimal.ts';
import type { Recorded } from './recorded.ts';

/** What a scope is compared with: a decision, or a call that somebody wants to make. */
export interface Candidate {
  orgId: string;
  tool: string | null;
  tags: readonly string[];
  userId: string | null;
  keyId: string | null;
  /** When it happened, milliseconds since the epoch. */
  at: number;
  /** For CEL conditions. */
  facts(): DecisionFacts;
}

/** Whether a budget is about it: it is in force then, and every member of its scope agrees. */
export function isInScope(budget: Budget, one: Candidate): boolean {
  const { scope } = budget;
  return (
    one.orgId === budget.orgId &&
    isEffective(budget, one.at) &&
    (scope.userId === undefined || scope.userId === one.userId) &&
    (scope.keyId === undefined || scope.keyId === one.keyId) &&
    (scope.tool === undefined || scope.tool === one.tool) &&
    (scope.tag === undefined || one.tags.includes(scope.tag)) &&
    meetsCondition(budget, one)
  );
}

/** A condition that fails for these facts (a division by zero) is not met, for decisions and holds alike. */
function meetsCondition({ condition }: Budget, one: Candidate): boolean {
  if (condition === null) return true;
  try {
    return condition.matches(one.facts());
  } catch {
    return false;
  }
}

/** A decision as a candidate. */
export function candidateOf(recorded: Recorded): Candidate {
  let facts: DecisionFacts | undefined;
  const { orgId, tool, tags, userId, keyId, at } = recorded;
  return {
    orgId,
    tool,
    tags,
    userId,
    keyId,
    at,
    facts: () => {
      facts ??= decisionFacts(recorded.view, {
        userId: recorded.userId,
        keyId: recorded.keyId,
        usage: {
          cost: recorded.cost === null ? null : formatDecimal(recorded.cost),
          currency: recorded.currency,
          model: recorded.model,
          provider: recorded.provider,
          inputTokens: recorded.inputTokens,
          outputTokens: recorded.outputTokens,
        },
      });
      return facts;
    },
  };
}

/**
 * How much of a budget a decision uses, scope aside. A cost without a currency is in the budget's own; null is money in
 * another currency, for which there is no rate to count it by. Every stored decision is one call.
 */
export function amountFor(budget: Budget, recorded: Recorded): Decimal | null {
  switch (budget.unit) {
    case 'currency':
      if (recorded.cost === null || recorded.cost === ZERO) return ZERO;
      return recorded.currency === null || recorded.currency === budget.currency ? recorded.cost : null;
    case 'tokens':
      return wholeDecimal(recorded.inputTokens) + wholeDecimal(recorded.outputTokens);
    case 'calls':
      return wholeDecimal(1);
  }
}
