import type { Sql } from '@governsai/db';
import { Counter } from '@governsai/service';
import { book } from './books.ts';
import type { Budget } from './domain/budget.ts';
import { type Hold, matchHolds } from './domain/hold.ts';
import { priced, wantsPrice } from './domain/pricing.ts';
import type { Recorded } from './domain/recorded.ts';
import { rollUp, rollUpTags } from './domain/rollup.ts';
import { type BudgetIndex, spend } from './domain/spending.ts';
import { findBudgets } from './store/budgets.ts';
import type { Definitions } from './store/definitions.ts';
import { lockHoldsOf, spendHolds } from './store/holds.ts';
import { pricesFor } from './store/prices.ts';
import { addRollups, addTagRollups } from './store/rollups.ts';

const unpriced = new Counter({
  name: 'governsai_tracker_unpriced_total',
  help: 'Decisions that used tokens of a model without a cost, and for which the price table has no price.',
});

export interface CountOptions {
  definitions: Definitions;
  /** Milliseconds since the epoch, by the database. */
  now: number;
}

/**
 * Books decisions: rollups, ledgers, states, and the events that tell of them. The caller holds the cursors of their orgs and
 * gives each decision once, in seq order.
 */
export async function countDecisions(
  tx: Sql,
  stored: readonly Recorded[],
  { definitions, now }: CountOptions,
): Promise<void> {
  if (stored.length === 0) return;
  const prices = await pricesFor(tx, stored);
  const recorded = stored.map((one) => priced(one, prices));
  unpriced.inc(recorded.filter(wantsPrice).length);
  await addRollups(tx, rollUp(recorded));
  await addTagRollups(tx, rollUpTags(recorded));
  const budgets = await definitions.load(tx, firstSeqs(recorded));
  const holds = matchHolds(recorded, await lockHoldsOf(tx, recorded));
  const named = await findBudgets(tx, heldBudgets(holds));
  const index: BudgetIndex = {
    counting: (orgId, seq) => budgets.get(orgId)?.counting(seq) ?? [],
    byId: (id) => named.get(id),
  };
  const { postings, uncounted } = spend(recorded, holds, index);
  await spendHolds(tx, holds, new Date(now).toISOString());
  await book(tx, { postings, uncounted: once(uncounted) }, now);
}

/** By org, the lowest seq that is to be counted. */
function firstSeqs(recorded: readonly Recorded[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const { orgId, seq } of recorded) first.set(orgId, Math.min(seq, first.get(orgId) ?? seq));
  return first;
}

function heldBudgets(holds: ReadonlyMap<Recorded, Hold>): string[] {
  return [...new Set([...holds.values()].flatMap(({ lines }) => lines.map(({ budgetId }) => budgetId)))];
}

function once<T extends { budget: Budget; currency: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [`${item.budget.id} ${item.currency}`, item])).values()];
}
