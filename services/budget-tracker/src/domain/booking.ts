import type { Budget, BudgetState } from './budget.ts';
import { type Decimal, reaches, ZERO } from './decimal.ts';
import { amountFor, isInScope } from './matching.ts';
import { periodAt } from './period.ts';
import type { Recorded } from './recorded.ts';

/** One line of a budget's ledger: what one stored decision used of it. */
export interface LedgerEntry {
  orgId: string;
  budgetId: string;
  decisionId: string;
  seq: number;
  amount: Decimal;
  /** Start of the period it belongs to, milliseconds since the epoch; null for `total`. */
  periodStart: number | null;
  /** Milliseconds since the epoch. */
  occurredAt: number;
}

/** A threshold that was reached, once a period. */
export interface Alert {
  budget: Budget;
  /** Per cent of the limit. */
  threshold: number;
  periodStart: number | null;
  /** What was used when it was reached. */
  committed: Decimal;
}

/** What decisions mean to the ledgers, in the order they come. A decision that uses nothing of a budget leaves no line. */
export function ledgerEntries(
  recorded: readonly Recorded[],
  budgetsByOrg: ReadonlyMap<string, readonly Budget[]>,
): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (const one of recorded) {
    for (const budget of budgetsByOrg.get(one.orgId) ?? []) {
      if (!isInScope(budget, one)) continue;
      const amount = amountFor(budget, one);
      if (amount === ZERO) continue;
      entries.push({
        orgId: one.orgId,
        budgetId: budget.id,
        decisionId: one.decisionId,
        seq: one.seq,
        amount,
        periodStart: periodAt(budget.period, one.receivedAt)?.start ?? null,
        occurredAt: one.receivedAt,
      });
    }
  }
  return entries;
}

/** Lines by the budget they belong to, their order kept. */
export function entriesByBudget(entries: readonly LedgerEntry[]): Map<string, LedgerEntry[]> {
  const byBudget = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const lines = byBudget.get(entry.budgetId);
    if (lines) lines.push(entry);
    else byBudget.set(entry.budgetId, [entry]);
  }
  return byBudget;
}

/**
 * Books lines into the state of their budget, in the order given, and says which thresholds that reached. A line of a
 * later period starts the count again; one of an earlier period stays in the ledger and leaves the count alone.
 */
export function book(
  budget: Budget,
  state: BudgetState,
  entries: readonly LedgerEntry[],
): { state: BudgetState; alerts: Alert[] } {
  let { committed, periodStart } = state;
  const alerts: Alert[] = [];
  for (const entry of entries) {
    if (entry.periodStart !== null && periodStart !== null && entry.periodStart < periodStart) continue;
    if (entry.periodStart !== periodStart) {
      committed = ZERO;
      periodStart = entry.periodStart;
    }
    const before = committed;
    committed += entry.amount;
    for (const threshold of budget.thresholds) {
      if (reaches(before, threshold, budget.limit) || !reaches(committed, threshold, budget.limit)) continue;
      alerts.push({ budget, threshold, periodStart, committed });
    }
  }
  return { state: { ...state, committed, periodStart, version: state.version + 1 }, alerts };
}
