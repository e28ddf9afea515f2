import { createHash } from 'node:crypto';
import type { Role } from '@governsai/contracts';
import type { Alert } from './booking.ts';
import { formatDecimal, percentOf } from './decimal.ts';

/** What a person is told of a threshold. */
export interface AlertNotification {
  /** The same for the same user, budget, threshold and period: it is stored once. */
  id: string;
  orgId: string;
  userId: string;
  kind: 'budget.threshold';
  severity: 'info' | 'warning' | 'critical';
  title: string;
  body: string;
  /** What a program needs of it. */
  data: {
    budgetId: string;
    threshold: number;
    used: string;
    limit: string;
    currency: string | null;
    periodStart: string | null;
  };
}

/** Roles whose members hear of every budget of their org; of a budget about one user that user hears besides. */
export const TOLD_ROLES: readonly Role[] = ['owner', 'admin'];

/** The notification of an alert for one user. */
export function notificationOf(alert: Alert, userId: string): AlertNotification {
  const { budget, threshold, committed } = alert;
  const periodStart = alert.periodStart === null ? null : new Date(alert.periodStart).toISOString();
  const used = formatDecimal(committed);
  const limit = formatDecimal(budget.limit);
  const unit = budget.currency ?? budget.unit;
  return {
    id: notificationId(budget.orgId, budget.id, String(threshold), periodStart ?? 'total', userId),
    orgId: budget.orgId,
    userId,
    kind: 'budget.threshold',
    severity: threshold >= 100 ? 'critical' : threshold >= 80 ? 'warning' : 'info',
    title: `Budget "${budget.name}" has reached ${threshold}%`,
    body: `${used} of ${limit} ${unit} are used (${percentOf(committed, budget.limit)}%).`,
    data: { budgetId: budget.id, threshold, used, limit, currency: budget.currency, periodStart },
  };
}

function notificationId(...parts: string[]): string {
  return `ntf_${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}
