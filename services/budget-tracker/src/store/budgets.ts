import type { BudgetPeriod, BudgetScope, BudgetUnit } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import type { Budget, BudgetState } from '../domain/budget.ts';
import { formatDecimal, parseDecimal } from '../domain/decimal.ts';

interface BudgetRow {
  id: string;
  org_id: string;
  name: string;
  limit_amount: string;
  unit: BudgetUnit;
  currency: string | null;
  period: BudgetPeriod;
  time_zone: string;
  hard: boolean;
  scope: BudgetScope;
  thresholds: number[];
  from_seq: number;
  created_at: string;
}

interface StateRow {
  committed: string;
  held: string;
  version: number;
  period_start: string | null;
  updated_at: string;
}

const BUDGET_COLUMNS =
  'b.id, b.org_id, b.name, b.limit_amount, b.unit, b.currency, b.period, b.time_zone, b.hard, b.scope, b.thresholds, b.from_seq, b.created_at';

/** A budget with its state and what people see of it besides. */
export interface BudgetDetails {
  budget: Budget;
  state: BudgetState;
  createdAt: string;
  updatedAt: string;
}

/** The budgets of orgs that are in force, by org. Read after the lock of the orgs' cursors, so that none is missed. */
export async function loadBudgets(tx: Sql, orgIds: readonly string[]): Promise<Map<string, Budget[]>> {
  const rows = await tx.query<BudgetRow>(
    `SELECT ${BUDGET_COLUMNS} FROM budgets b WHERE b.org_id = ANY($1) AND b.archived_at IS NULL ORDER BY b.org_id, b.id`,
    [orgIds],
  );
  const byOrg = new Map<string, Budget[]>();
  for (const row of rows) {
    const budgets = byOrg.get(row.org_id) ?? [];
    byOrg.set(row.org_id, budgets);
    budgets.push(budgetFromRow(row));
  }
  return byOrg;
}

/** A page of an org's budgets after the id `after`, by id; at most `limit`. */
export async function listBudgetDetails(
  tx: Sql,
  orgId: string,
  after: string,
  limit: number,
): Promise<BudgetDetails[]> {
  const rows = await tx.query<BudgetRow & StateRow>(
    `${SELECT_DETAILS} WHERE b.org_id = $1 AND b.id > $2 AND b.archived_at IS NULL ORDER BY b.id LIMIT $3`,
    [orgId, after, limit],
  );
  return rows.map(detailsFromRow);
}

/** One budget of an org; null when the org has none of that id. */
export async function findBudgetDetails(tx: Sql, orgId: string, id: string): Promise<BudgetDetails | null> {
  const [row] = await tx.query<BudgetRow & StateRow>(
    `${SELECT_DETAILS} WHERE b.org_id = $1 AND b.id = $2 AND b.archived_at IS NULL`,
    [orgId, id],
  );
  return row ? detailsFromRow(row) : null;
}

const SELECT_DETAILS = `SELECT ${BUDGET_COLUMNS}, COALESCE(s.committed, 0) AS committed, COALESCE(s.held, 0) AS held,
    COALESCE(s.version, 0) AS version, s.period_start, COALESCE(s.updated_at, b.updated_at) AS updated_at
  FROM budgets b LEFT JOIN budget_states s ON s.budget_id = b.id`;

/** How many budgets of the org are in force. */
export async function countBudgets(tx: Sql, orgId: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    'SELECT count(*) AS count FROM budgets WHERE org_id = $1 AND archived_at IS NULL',
    [orgId],
  );
  return row?.count ?? 0;
}

/** Stores a new budget, created at `createdAt` (RFC 3339). */
export async function insertBudget(tx: Sql, budget: Budget, createdAt: string): Promise<void> {
  await tx.execute(
    `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, time_zone, hard, scope, thresholds, from_seq,
       created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`,
    [
      budget.id,
      budget.orgId,
      budget.name,
      formatDecimal(budget.limit),
      budget.unit,
      budget.currency,
      budget.period,
      budget.timeZone,
      budget.hard,
      budget.scope,
      budget.thresholds,
      budget.fromSeq,
      createdAt,
    ],
  );
}

function budgetFromRow(row: BudgetRow): Budget {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    limit: parseDecimal(row.limit_amount),
    unit: row.unit,
    currency: row.currency,
    period: row.period,
    timeZone: row.time_zone,
    hard: row.hard,
    scope: row.scope,
    thresholds: row.thresholds,
    fromSeq: row.from_seq,
  };
}

function detailsFromRow(row: BudgetRow & StateRow): BudgetDetails {
  return {
    budget: budgetFromRow(row),
    state: {
      committed: parseDecimal(row.committed),
      held: parseDecimal(row.held),
      version: row.version,
      periodStart: row.period_start === null ? null : Date.parse(row.period_start),
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
