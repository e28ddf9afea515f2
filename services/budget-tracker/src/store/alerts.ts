import type { NotificationsRaised } from '@governsai/contracts';
import { membersWithRoles, type Sql, storeNotifications } from '@governsai/db';
import { type Alert, alertDigest, notificationOf, TOLD_ROLES, told } from '../domain/alert.ts';
import { isoOrNull } from '../domain/budget.ts';

/** Stands for the one period of a budget that has none. */
const NO_PERIOD = '1970-01-01T00:00:00.000Z';

/**
 * Raises the alerts that were not raised before: a row of its own for each budget, alert and period makes it once (G5). Puts
 * them into the deliveries of the org's webhooks and the notifications of owners, admins and the user the budget is about, and
 * returns the events that tell of those. The states of the budgets are locked.
 */
export async function raiseAlerts(tx: Sql, alerts: readonly Alert[], now: number): Promise<NotificationsRaised[]> {
  if (alerts.length === 0) return [];
  const at = new Date(now).toISOString();
  const fresh = await addAlerts(tx, alerts, at);
  if (fresh.length === 0) return [];
  await addDeliveries(tx, fresh, at);
  const members = await membersWithRoles(tx, [...new Set(fresh.map(({ budget }) => budget.orgId))], TOLD_ROLES);
  const wanted = fresh.flatMap((alert) => {
    const { orgId, scope } = alert.budget;
    const receivers = new Set(members.get(orgId));
    if (scope.userId !== undefined) receivers.add(scope.userId);
    return [...receivers].map((userId) => notificationOf(alert, userId));
  });
  return storeNotifications(tx, wanted, at);
}

/** Stores alerts and returns those that were not there, in the order given. */
async function addAlerts(tx: Sql, alerts: readonly Alert[], at: string): Promise<Alert[]> {
  const rows = await tx.query<{ budget_id: string; alert: string; period_start: string }>(
    `INSERT INTO budget_alerts (budget_id, alert, period_start, org_id, raised_at)
     SELECT DISTINCT ON (budget_id, alert, period_start) budget_id, alert, period_start, org_id, $5::timestamptz
     FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) AS a(budget_id, alert, period_start, org_id)
     ORDER BY budget_id, alert, period_start
     ON CONFLICT DO NOTHING RETURNING budget_id, alert, period_start`,
    [
      alerts.map(({ budget }) => budget.id),
      alerts.map(({ name }) => name),
      alerts.map(({ periodStart }) => isoOrNull(periodStart) ?? NO_PERIOD),
      alerts.map(({ budget }) => budget.orgId),
      at,
    ],
  );
  const key = (budgetId: string, name: string, period: string) => JSON.stringify([budgetId, name, period]);
  const added = new Set(rows.map((row) => key(row.budget_id, row.alert, row.period_start)));
  return alerts.filter(({ budget, name, periodStart }) =>
    added.delete(key(budget.id, name, isoOrNull(periodStart) ?? NO_PERIOD)),
  );
}

/** One delivery for each alert and webhook of its org that wants its kind. */
async function addDeliveries(tx: Sql, alerts: readonly Alert[], at: string): Promise<void> {
  const messages = alerts.map((alert) => {
    const { kind, severity, title, body, data } = told(alert);
    const { orgId } = alert.budget;
    return { orgId, kind, payload: { type: kind, timestamp: at, data: { orgId, severity, title, body, ...data } } };
  });
  await tx.execute(
    `INSERT INTO webhook_deliveries (org_id, webhook_id, message_id, kind, payload, created_at)
     SELECT w.org_id, w.id, 'msg_' || m.digest, m.kind, m.payload, $5
     FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) AS m(org_id, digest, kind, payload)
     JOIN webhooks w ON w.org_id = m.org_id AND w.disabled_because IS NULL AND (w.kinds = '{}' OR m.kind = ANY(w.kinds))
     ON CONFLICT DO NOTHING`,
    [
      messages.map(({ orgId }) => orgId),
      alerts.map((alert) => alertDigest(alert, 'webhook')),
      messages.map(({ kind }) => kind),
      messages.map(({ payload }) => JSON.stringify(payload)),
      at,
    ],
  );
}
