import { createHash } from 'node:crypto';
import type { Role, WebhookKind } from '@governsai/contracts';
import type { WantedNotification } from '@governsai/db';
import { allowance, type Budget, type BudgetState, isoOrNull } from './budget.ts';
import { type Decimal, formatDecimal, percentOf, reaches, ZERO } from './decimal.ts';

/** Something to be told of a budget, once a period. */
export interface Alert {
  budget: Budget;
  /** What it is, among the budget's alerts: a threshold in percent, `forecast`, `overrun`, or `currency:` and a code. */
  name: string;
  /** Milliseconds since the epoch; null for `total`. */
  periodStart: number | null;
  /** What was used of the period when it came up. */
  committed: Decimal;
  /** What the period may use, with what was carried over. */
  limit: Decimal;
  /** How far usage went beyond what was held or allowed; only of `overrun`. */
  overrun?: Decimal;
}

/** An alert in words, and what a program needs of it. */
export interface Told extends Pick<WantedNotification, 'severity' | 'title' | 'body'> {
  kind: WebhookKind;
  data: {
    budgetId: string;
    threshold?: number;
    used: string;
    limit: string;
    overrun?: string;
    uncountedCurrency?: string;
    currency: string | null;
    periodStart: string | null;
  };
}

/** Roles whose members hear of every budget of their org; of a budget about one user that user hears besides. */
export const TOLD_ROLES: readonly Role[] = ['owner', 'admin'];

/** How much of a limit is used. */
interface Level {
  used: Decimal;
  limit: Decimal;
}

/** The thresholds that are reached now and were not before. */
export function reachedThresholds(budget: Budget, before: Level, now: Level, periodStart: number | null): Alert[] {
  return budget.thresholds
    .filter((threshold) => reaches(now.used, threshold, now.limit) && !reaches(before.used, threshold, before.limit))
    .map((threshold) => ({ budget, name: String(threshold), periodStart, committed: now.used, limit: now.limit }));
}

/** What part of a period has to be over before its rest can be foretold. */
const FORECAST_AFTER = 10;

/**
 * That the limit will be exceeded before the period ends, when it goes on as it went since its beginning; null when it will
 * not, is already, or it is too early to say (the first tenth of the period).
 */
export function forecastAlert(budget: Budget, state: BudgetState, now: number): Alert | null {
  const { period, committed } = state;
  const limit = allowance(budget, state);
  if (!budget.forecast || period === null || committed > limit) return null;
  const elapsed = BigInt(Math.trunc(now) - period.start);
  const length = BigInt(period.end - period.start);
  if (elapsed * BigInt(FORECAST_AFTER) < length || elapsed >= length) return null;
  if (committed * length <= limit * elapsed) return null;
  return { budget, name: 'forecast', periodStart: period.start, committed, limit };
}

/** What people and programs are told. */
export function told(alert: Alert): Told {
  const { budget, name, committed } = alert;
  const used = formatDecimal(committed);
  const limit = formatDecimal(alert.limit);
  const unit = budget.currency ?? budget.unit;
  const data = {
    budgetId: budget.id,
    used,
    limit,
    currency: budget.currency,
    periodStart: isoOrNull(alert.periodStart),
  };
  const soFar = `${used} of ${limit} ${unit} are used (${percentOf(committed, alert.limit)}%).`;
  if (name === 'forecast') {
    return {
      kind: 'budget.forecast',
      severity: 'warning',
      title: `Budget "${budget.name}" is on the way to exceed its limit`,
      body: `${soFar} At this rate the limit will be exceeded before the period ends: spend less or raise it.`,
      data,
    };
  }
  if (name === 'overrun') {
    const overrun = formatDecimal(alert.overrun ?? ZERO);
    return {
      kind: 'budget.overrun',
      severity: 'critical',
      title: `Budget "${budget.name}" was overrun`,
      body: `${overrun} ${unit} were used beyond what was held or allowed. ${soFar} Look into the ledger for where they came from.`,
      data: { ...data, overrun },
    };
  }
  if (name.startsWith(CURRENCY)) {
    const uncountedCurrency = name.slice(CURRENCY.length);
    return {
      kind: 'budget.currency',
      severity: 'warning',
      title: `Budget "${budget.name}" does not count usage in ${uncountedCurrency}`,
      body: `Decisions it is about cost ${uncountedCurrency}, and there is no rate to count them in ${budget.currency}: add a budget in ${uncountedCurrency}.`,
      data: { ...data, uncountedCurrency },
    };
  }
  const threshold = Number(name);
  return {
    kind: 'budget.threshold',
    severity: threshold >= 100 ? 'critical' : threshold >= 80 ? 'warning' : 'info',
    title: `Budget "${budget.name}" has reached ${threshold}%`,
    body: soFar,
    data: { ...data, threshold },
  };
}

const CURRENCY = 'currency:';

/** The alert that a budget does not count usage in another currency. */
export function currencyAlert(budget: Budget, currency: string, state: BudgetState): Alert {
  return {
    budget,
    name: `${CURRENCY}${currency}`,
    periodStart: state.period?.start ?? null,
    committed: state.committed,
    limit: allowance(budget, state),
  };
}

/** The notification of an alert for one user. */
export function notificationOf(alert: Alert, userId: string): WantedNotification {
  const { orgId } = alert.budget;
  return { orgId, userId, id: `ntf_${alertDigest(alert, userId)}`, ...told(alert) };
}

/** The same for the same budget, alert, period and receiver; no other has it. */
export function alertDigest({ budget, name, periodStart }: Alert, receiver: string): string {
  const parts = [budget.orgId, budget.id, name, isoOrNull(periodStart) ?? 'total', receiver];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
