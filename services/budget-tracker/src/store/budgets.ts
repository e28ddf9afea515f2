import type { Sql } from '@governsai/db';
import { type Budget, type BudgetState, isoOrNull } from '../domain/budget.ts';
import { formatDecimal } from '../domain/decimal.ts';
import {
  BUDGET_COLUMNS,
  type BudgetRow,
  budgetFromRow,
  STATE_COLUMNS,
  type StateRow,
  stateFromRow,
} from './budget-rows.ts';

/** A budget with its state and what people see of it besides. */
export interface BudgetDetails {
  budget: Budget;
  state: BudgetState;
  /** RFC 3339. */
  createdAt: string;
  updatedAt: string;
}

const SELECT_DETAILS = `SELECT ${BUDGET_COLUMNS}, ${STATE_COLUMNS}, GREATEST(b.updated_at, s.updated_at) AS updated_at
  FROM budgets b LEFT JOIN budget_states s ON s.budget_id = b.id`;

type DetailsRow = BudgetRow & StateRow & { updated_at: string };

/** A page of an org's budgets after the id `after`, by id; at most `limit`. */
export async function listBudgetDetails(
  tx: Sql,
  orgId: string,
  after: string,
  limit: number,
): Promise<BudgetDetails[]> {
  const rows = await tx.query<DetailsRow>(
    `${SELECT_DETAILS} WHERE b.org_id = $1 AND b.id > $2 AND b.archived_at IS NULL ORDER BY b.id LIMIT $3`,
    [orgId, after, limit],
  );
  return rows.map(detailsFromRow);
}

/** One budget of an org; null when the org has none of that id, or it is archived. */
export async function findBudgetDetails(tx: Sql, orgId: string, id: string): Promise<BudgetDetails | null> {
  const [row] = await tx.query<DetailsRow>(
    `${SELECT_DETAILS} WHERE b.org_id = $1 AND b.id = $2 AND b.archived_at IS NULL`,
    [orgId, id],
  );
  return row ? detailsFromRow(row) : null;
}

/** Budgets by id, archived ones too, in their present version. */
export async function findBudgets(tx: Sql, ids: readonly string[]): Promise<Map<string, Budget>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.query<BudgetRow>(`SELECT ${BUDGET_COLUMNS} FROM budgets b WHERE b.id = ANY($1)`, [ids]);
  return new Map(rows.map((row) => [row.id, budgetFromRow(row)]));
}

/** How many budgets of the org are in force. */
export async function countBudgets(tx: Sql, orgId: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    'SELECT count(*) AS count FROM budgets WHERE org_id = $1 AND archived_at IS NULL',
    [orgId],
  );
  return row?.count ?? 0;
}

/** Stores a new budget. */
export async function insertBudget(tx: Sql, budget: Budget, changedBy: string | null): Promise<void> {
  await tx.execute(
    `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, anchor, time_zone, hard, carry_over, starts_at,
       ends_at, scope, thresholds, forecast, from_seq, version_seq, changed_by, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $19, $19)`,
    [
      budget.id,
      budget.orgId,
      budget.name,
      formatDecimal(budget.limit),
      budget.unit,
      budget.currency,
      budget.periods.kind,
      isoOrNull(budget.periods.anchor),
      budget.periods.timeZone,
      budget.hard,
      budget.carryOver,
      isoOrNull(budget.startsAt),
      isoOrNull(budget.endsAt),
      budget.scope,
      budget.thresholds,
      budget.forecast,
      budget.fromSeq,
      changedBy,
      isoOrNull(budget.createdAt),
    ],
  );
}

/**
 * Replaces a budget by its next version, which counts the decisions after `lastSeq`; the one before goes to its history. The
 * caller holds the cursor of the org and the state of the budget.
 */
export async function replaceBudget(
  tx: Sql,
  budget: Budget,
  { lastSeq, changedBy, at }: { lastSeq: number; changedBy: string | null; at: string },
): Promise<void> {
  await keepVersion(tx, budget.id, lastSeq, at);
  await tx.execute(
    `UPDATE budgets SET name = $2, limit_amount = $3, hard = $4, carry_over = $5, starts_at = $6, ends_at = $7, scope = $8,
       thresholds = $9, forecast = $10, version = $11, version_seq = $12, changed_by = $13, updated_at = $14
     WHERE id = $1`,
    [
      budget.id,
      budget.name,
      formatDecimal(budget.limit),
      budget.hard,
      budget.carryOver,
      isoOrNull(budget.startsAt),
      isoOrNull(budget.endsAt),
      budget.scope,
      budget.thresholds,
      budget.forecast,
      budget.revision,
      lastSeq + 1,
      changedBy,
      at,
    ],
  );
}

async function keepVersion(tx: Sql, id: string, untilSeq: number, at: string): Promise<void> {
  await tx.execute(
    `INSERT INTO budget_versions (budget_id, version, org_id, name, limit_amount, hard, scope, thresholds, carry_over, forecast,
       starts_at, ends_at, from_seq, until_seq, changed_by, created_at, superseded_at)
     SELECT b.id, b.version, b.org_id, b.name, b.limit_amount, b.hard, b.scope, b.thresholds, b.carry_over, b.forecast,
       b.starts_at, b.ends_at, b.version_seq, $2, b.changed_by, b.updated_at, $3
     FROM budgets b WHERE b.id = $1`,
    [id, untilSeq, at],
  );
}

/**
 * Ends a budget: it counts the decisions up to `lastSeq` and no more, and its state is never rolled over again. The caller
 * holds the cursor of the org and the state of the budget.
 */
export async function endBudget(
  tx: Sql,
  id: string,
  { lastSeq, changedBy, at }: { lastSeq: number; changedBy: string | null; at: string },
): Promise<void> {
  await keepVersion(tx, id, lastSeq, at);
  // A version of its own, so that who remembers the one before sees that it is over.
  await tx.execute(
    `UPDATE budgets SET version = version + 1, version_seq = $3 + 1, changed_by = $4, archived_at = $2, archived_seq = $3,
       updated_at = $2 WHERE id = $1`,
    [id, at, lastSeq, changedBy],
  );
  await tx.execute(
    'UPDATE budget_states SET period_end = NULL, budget_version = budget_version + 1 WHERE budget_id = $1',
    [id],
  );
}

function detailsFromRow(row: DetailsRow): BudgetDetails {
  return {
    budget: budgetFromRow(row),
    state: stateFromRow(row),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
