import type { NotificationsRaised } from '@governsai/contracts';
import { membersWithRoles, type Sql, storeNotifications } from '@governsai/db';
import { notificationOf, TOLD_ROLES } from '../domain/alert.ts';
import type { Alert } from '../domain/booking.ts';

/**
 * Stores the notifications of alerts for owners, admins and the user the budget is about, and returns the events that tell
 * of them. One that is stored already (same budget, threshold, period and user) is left out (G5).
 */
export async function addAlertNotifications(
  tx: Sql,
  alerts: readonly Alert[],
  now: number,
): Promise<NotificationsRaised[]> {
  const members = await membersWithRoles(tx, [...new Set(alerts.map((alert) => alert.budget.orgId))], TOLD_ROLES);
  const wanted = alerts.flatMap((alert) => {
    const { orgId, scope } = alert.budget;
    const told = new Set(members.get(orgId));
    if (scope.userId !== undefined) told.add(scope.userId);
    return [...told].map((userId) => notificationOf(alert, userId));
  });
  return storeNotifications(tx, wanted, new Date(now).toISOString());
}
