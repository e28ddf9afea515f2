import type { NotificationsRaised } from '@governsai/contracts';
import { outboxAppend, type Sql } from '@governsai/db';
import { traceHeaders } from '@governsai/service';
import { type Alert, currencyAlert } from './domain/alert.ts';
import { type Booked, type LedgerLine, type Posting, post } from './domain/booking.ts';
import { type Budget, budgetsChangedValue } from './domain/budget.ts';
import type { Uncounted } from './domain/spending.ts';
import { OUTBOX } from './outbox.ts';
import { raiseAlerts } from './store/alerts.ts';
import {
  type BudgetAndState,
  lockStates,
  readPeriods,
  rollOver,
  type StateChange,
  savePeriods,
  saveStates,
} from './store/budget-states.ts';
import { addLedgerLines, addOverruns } from './store/ledger.ts';

/** What is to be booked in one transaction. */
export interface Entries {
  /** In order; those of one budget are posted in it. */
  postings: readonly Posting[];
  uncounted?: readonly Uncounted[];
}

/**
 * Books: ledgers, states, periods, overruns, alerts, and the events that tell of them. A line that is in its ledger already
 * counts no second time; what it releases is released all the same. The caller has locked the cursor and the holds it came by.
 * `now` is milliseconds since the epoch, by the database.
 */
export async function book(tx: Sql, { postings, uncounted = [] }: Entries, now: number): Promise<void> {
  const lines = postings.flatMap(({ line }) => line ?? []);
  // Before the states are locked, so that holds wait for as little as possible.
  const added = await addLedgerLines(tx, lines);
  const byBudget = groupByBudget(postings, added);
  for (const { budget } of uncounted) if (!byBudget.has(budget.id)) byBudget.set(budget.id, []);
  if (byBudget.size === 0) return;
  const open = await openBooks(tx, [...byBudget.keys()], now);
  const others = await readPeriods(tx, wantedPeriods(open, byBudget));
  const booked = open.map(({ budget, state, rolled }) => ({
    budget,
    rolled,
    ...post(budget, state, others.get(budget.id) ?? [], byBudget.get(budget.id) ?? [], now),
  }));
  await savePeriods(
    tx,
    booked.flatMap(({ budget, others: uses }) => uses.map((use) => ({ budget, use }))),
  );
  await addOverruns(
    tx,
    booked.flatMap(({ overruns }) => overruns),
  );
  const touched = booked.filter(({ budget, rolled }) => rolled || (byBudget.get(budget.id) ?? []).length > 0);
  await closeBooks(tx, touched, [...booked.flatMap(({ alerts }) => alerts), ...currencyAlerts(uncounted, booked)], now);
}

/**
 * Locks the states of budgets and rolls them over to `now`, in the order of their ids; budgets are read under the lock, in
 * their present version. One that does not exist is left out.
 */
export async function openBooks(
  tx: Sql,
  budgetIds: readonly string[],
  now: number,
): Promise<(BudgetAndState & { rolled: boolean })[]> {
  const locked = await lockStates(tx, budgetIds);
  return rollOver(tx, locked, now);
}

/** Saves states, raises alerts, and appends the events that tell of both. */
export async function closeBooks(
  tx: Sql,
  changed: readonly BudgetAndState[],
  alerts: readonly Alert[],
  now: number,
): Promise<void> {
  const changes: StateChange[] = changed.map(({ budget, state }) => ({
    budget,
    state,
    value: budgetsChangedValue(budget, state, now),
  }));
  await saveStates(tx, changes);
  const raised = await raiseAlerts(tx, alerts, now);
  await outboxAppend(tx, OUTBOX, raised.map(notificationEvent));
}

function groupByBudget(postings: readonly Posting[], added: ReadonlySet<LedgerLine>): Map<string, Posting[]> {
  const byBudget = new Map<string, Posting[]>();
  for (const posting of postings) {
    const line = posting.line && added.has(posting.line) ? posting.line : null;
    if (line === null && posting.release === 0n) continue;
    const group = byBudget.get(posting.budgetId) ?? [];
    byBudget.set(posting.budgetId, group);
    group.push({ ...posting, line });
  }
  return byBudget;
}

function wantedPeriods(open: readonly BudgetAndState[], byBudget: ReadonlyMap<string, readonly Posting[]>) {
  return open.flatMap(({ budget, state }) => {
    const starts = (byBudget.get(budget.id) ?? []).flatMap(({ line }) => line?.periodStart ?? []);
    const others = [...new Set(starts.filter((start) => start !== state.period?.start))];
    return others.length > 0 ? [{ budget, starts: others }] : [];
  });
}

function currencyAlerts(uncounted: readonly Uncounted[], booked: readonly (Booked & { budget: Budget })[]): Alert[] {
  const states = new Map(booked.map(({ budget, state }) => [budget.id, state]));
  return uncounted.flatMap(({ budget, currency }) => {
    const state = states.get(budget.id);
    return state ? [currencyAlert(budget, currency, state)] : [];
  });
}

function notificationEvent(value: NotificationsRaised) {
  return { topic: 'notifications.raised' as const, key: value.orgId, value, headers: traceHeaders() };
}
