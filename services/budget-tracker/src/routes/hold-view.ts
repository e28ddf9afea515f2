import { type Hold, normalizeDecimal } from '@governsai/contracts';
import type { HoldDetails } from '../store/holds.ts';

/** A hold as its caller sees it. */
export function holdView(row: HoldDetails): Hold {
  return {
    id: row.id,
    orgId: row.org_id,
    idempotencyKey: row.idempotency_key,
    status: row.status,
    amount: normalizeDecimal(row.amount),
    currency: row.currency,
    tokens: row.tokens,
    userId: row.user_id,
    keyId: row.key_id,
    tool: row.tool,
    tags: row.tags,
    correlationId: row.correlation_id,
    budgets: row.budget_ids.map((budgetId, index) => {
      const booked = row.booked[index];
      return {
        budgetId,
        held: normalizeDecimal(row.held[index] ?? '0'),
        booked: booked === undefined ? null : normalizeDecimal(booked),
      };
    }),
    settledAmount: row.settled_amount === null ? null : normalizeDecimal(row.settled_amount),
    settledTokens: row.settled_tokens,
    decisionId: row.decision_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    closedAt: row.closed_at,
  };
}
