import type { BudgetScope } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

/** A version of a budget; times RFC 3339, amounts as PostgreSQL prints them. */
export interface VersionRow {
  version: number;
  name: string;
  limit_amount: string;
  hard: boolean;
  carry_over: boolean;
  starts_at: string | null;
  ends_at: string | null;
  scope: BudgetScope;
  thresholds: number[];
  forecast: boolean;
  from_seq: number;
  /** Null for the present one. */
  until_seq: number | null;
  changed_by: string | null;
  created_at: string;
}

/** Versions of a budget below `before`, the latest first. */
export function listVersions(tx: Sql, id: string, before: number, limit: number): Promise<VersionRow[]> {
  return tx.query<VersionRow>(
    `SELECT * FROM (
       SELECT version, name, limit_amount, hard, carry_over, starts_at, ends_at, scope, thresholds, forecast,
         version_seq AS from_seq, archived_seq AS until_seq, changed_by, updated_at AS created_at FROM budgets WHERE id = $1
       UNION ALL
       SELECT version, name, limit_amount, hard, carry_over, starts_at, ends_at, scope, thresholds, forecast,
         from_seq, until_seq, changed_by, created_at FROM budget_versions WHERE budget_id = $1
     ) v WHERE version < $2 ORDER BY version DESC LIMIT $3`,
    [id, before, limit],
  );
}

/** A period of a budget. */
export interface PeriodRow {
  period_start: string | null;
  period_end: string | null;
  limit_amount: string;
  carried: string;
  committed: string;
  overrun: string;
  current: boolean;
}

/** Periods of a budget that begin before `before` (RFC 3339; null: all), the latest first. The current one is as it was saved last. */
export function listPeriods(tx: Sql, id: string, before: string | null, limit: number): Promise<PeriodRow[]> {
  return tx.query<PeriodRow>(
    `SELECT p.*, COALESCE((SELECT sum(o.amount) FROM budget_overruns o
         WHERE o.budget_id = $1 AND o.period_start IS NOT DISTINCT FROM p.period_start), 0) AS overrun
     FROM (
       SELECT s.period_start, s.period_end, b.limit_amount, s.carried, s.committed, true AS current
       FROM budget_states s JOIN budgets b ON b.id = s.budget_id WHERE s.budget_id = $1
       UNION ALL
       SELECT p.period_start, p.period_end, p.limit_amount, p.carried, p.committed, false
       FROM budget_periods p JOIN budget_states s ON s.budget_id = p.budget_id
       WHERE p.budget_id = $1 AND p.period_start IS DISTINCT FROM s.period_start
     ) p WHERE $2::timestamptz IS NULL OR p.period_start < $2 ORDER BY p.period_start DESC NULLS FIRST LIMIT $3`,
    [id, before, limit],
  );
}

/** A line of a ledger with how much of it was an overrun. */
export interface LedgerRow {
  id: number;
  source: 'decision' | 'hold' | 'hold-moved' | 'adjustment';
  source_id: string;
  amount: string;
  period_start: string | null;
  occurred_at: string;
  seq: number | null;
  budget_version: number;
  price_id: number | null;
  hold_id: string | null;
  overrun: string;
}

/** Lines of a budget's ledger after the line `after`, oldest first. */
export function listLedgerRows(tx: Sql, id: string, after: number, limit: number): Promise<LedgerRow[]> {
  return tx.query<LedgerRow>(
    `SELECT l.id, l.source, l.source_id, l.amount, l.period_start, l.occurred_at, l.seq, l.budget_version, l.price_id, l.hold_id,
       COALESCE(o.amount, 0) AS overrun
     FROM budget_ledger l
     LEFT JOIN budget_overruns o ON o.budget_id = l.budget_id AND o.source = l.source AND o.source_id = l.source_id
     WHERE l.budget_id = $1 AND l.id > $2 ORDER BY l.id LIMIT $3`,
    [id, after, limit],
  );
}

/** Whether the org has a budget of this id, archived or not. */
export async function hasBudget(tx: Sql, orgId: string, id: string): Promise<boolean> {
  return (await tx.query('SELECT 1 FROM budgets WHERE org_id = $1 AND id = $2', [orgId, id])).length > 0;
}
