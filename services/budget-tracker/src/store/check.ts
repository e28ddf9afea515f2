import type { Database } from '@governsai/db';

/** A sum that is not what it is the sum of. */
export interface Mismatch {
  orgId: string;
  budgetId: string;
  /** `committed` against the ledger of a period, `held` against the open holds. */
  what: 'committed' | 'held';
  /** RFC 3339; null for a budget without periods, and for what is held. */
  periodStart: string | null;
  /** Decimal strings. */
  stored: string;
  counted: string;
}

/** Every sum of every budget that does not add up, seen at one moment; none: all books balance. */
export function checkBudgets(db: Database): Promise<Mismatch[]> {
  return db.system.query<Mismatch>(
    `SELECT org_id AS "orgId", budget_id AS "budgetId", what, period_start AS "periodStart", trim_scale(stored) AS stored,
       trim_scale(counted) AS counted FROM check_budgets()`,
  );
}
