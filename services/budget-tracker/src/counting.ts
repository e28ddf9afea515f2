import type { BudgetsChanged, NotificationsRaised } from '@governsai/contracts';
import { outboxAppend, type Sql } from '@governsai/db';
import { traceHeaders } from '@governsai/service';
import { type Alert, book, entriesByBudget, type LedgerEntry, ledgerEntries } from './domain/booking.ts';
import { type Budget, budgetsChangedValue } from './domain/budget.ts';
import type { Recorded } from './domain/recorded.ts';
import { rollUp } from './domain/rollup.ts';
import { lockStates, type StateChange, saveStates } from './store/budget-states.ts';
import { loadBudgets } from './store/budgets.ts';
import { addLedgerEntries } from './store/ledger.ts';
import { addAlertNotifications } from './store/notifications.ts';
import { addRollups } from './store/rollups.ts';

/** Owner of this service's outbox rows. */
export const OUTBOX = 'budget-tracker';

/**
 * Books decisions: rollups, ledgers, states, and the events that tell of them. The caller holds the cursors of their orgs and
 * gives each decision once, in seq order. `now` is milliseconds since the epoch.
 */
export async function countDecisions(tx: Sql, recorded: readonly Recorded[], now: number): Promise<void> {
  if (recorded.length === 0) return;
  await addRollups(tx, rollUp(recorded));
  const budgetsByOrg = await loadBudgets(tx, [...new Set(recorded.map((one) => one.orgId))]);
  const entries = ledgerEntries(recorded, budgetsByOrg);
  if (entries.length === 0) return;
  const added = entriesByBudget(await addLedgerEntries(tx, entries));
  const touched = [...budgetsByOrg.values()].flat().filter((budget) => added.has(budget.id));
  if (touched.length === 0) return;
  const { changes, alerts } = await bookEntries(tx, touched, added, now);
  await saveStates(tx, changes);
  const raised = alerts.length === 0 ? [] : await addAlertNotifications(tx, alerts, now);
  await outboxAppend(tx, OUTBOX, [...changes.map(({ value }) => budgetEvent(value)), ...raised.map(notificationEvent)]);
}

async function bookEntries(
  tx: Sql,
  budgets: readonly Budget[],
  entries: ReadonlyMap<string, readonly LedgerEntry[]>,
  now: number,
): Promise<{ changes: StateChange[]; alerts: Alert[] }> {
  const states = await lockStates(tx, budgets);
  const changes: StateChange[] = [];
  const alerts: Alert[] = [];
  for (const budget of budgets) {
    const before = states.get(budget.id);
    if (before === undefined)
      throw new Error(`budget ${budget.id} was deleted while it was counted; the batch is tried again`);
    const booked = book(budget, before, entries.get(budget.id) ?? []);
    changes.push({ state: booked.state, value: budgetsChangedValue(budget, booked.state, now) });
    alerts.push(...booked.alerts);
  }
  return { changes, alerts };
}

/** The outbox row of a state, in the active trace. */
export function budgetEvent(value: BudgetsChanged) {
  return { topic: 'budgets.changed' as const, key: value.orgId, value, headers: traceHeaders() };
}

function notificationEvent(value: NotificationsRaised) {
  return { topic: 'notifications.raised' as const, key: value.orgId, value, headers: traceHeaders() };
}
