import { randomBytes } from 'node:crypto';
import type { BudgetPeriod, BudgetScope, BudgetUnit } from '@governsai/contracts';
import type { Database } from '@governsai/db';

/** Makes an org with an owner to be told and a chain that ends at `length`. `admin` is not bound to an org. */
export async function addOrg(admin: Database, orgId: string, length = 0): Promise<void> {
  const sql = admin.system;
  const owner = `${orgId}-owner`;
  await sql.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [orgId]);
  await sql.execute('INSERT INTO users (id, email, name) VALUES ($1, $1, $1)', [owner]);
  await sql.execute("INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, 'owner')", [orgId, owner]);
  await sql.execute('INSERT INTO org_chains (org_id, last_seq, published_seq) VALUES ($1, $2, $2)', [orgId, length]);
}

/** What a test says of a budget. */
export interface TestBudget {
  limit: string;
  unit?: BudgetUnit;
  /** USD unless said, of budgets in money. */
  currency?: string;
  period?: BudgetPeriod;
  timeZone?: string;
  hard?: boolean;
  carryOver?: boolean;
  scope?: BudgetScope;
  thresholds?: number[];
}

let made = 0;

/** Adds a budget by hand and returns its id; ids grow in the order of making. */
export async function addBudget(admin: Database, orgId: string, given: TestBudget): Promise<string> {
  made += 1;
  const id = `bud_${made.toString().padStart(6, '0')}_${randomBytes(4).toString('hex')}`;
  const { unit = 'currency', period = 'total', timeZone = 'UTC', hard = false, carryOver = false, scope = {} } = given;
  await admin.system.execute(
    `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, time_zone, hard, carry_over, scope, thresholds, forecast)
     VALUES ($1, $2, $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, false)`,
    [
      id,
      orgId,
      given.limit,
      unit,
      unit === 'currency' ? (given.currency ?? 'USD') : null,
      period,
      timeZone,
      hard,
      carryOver,
      scope,
      given.thresholds ?? [50, 80, 95, 100],
    ],
  );
  return id;
}

/** The sums of a budget: its state, and its whole ledger. Amounts in their shortest form. */
export interface Books {
  committed: string;
  held: string;
  ledger: string;
  lines: number;
}

export async function booksOf(admin: Database, budgetId: string): Promise<Books | undefined> {
  const [row] = await admin.system.query<Books>(
    `SELECT trim_scale(s.committed) AS committed, trim_scale(s.held) AS held,
       (SELECT trim_scale(COALESCE(sum(amount), 0)) FROM budget_ledger WHERE budget_id = $1) AS ledger,
       (SELECT count(*) FROM budget_ledger WHERE budget_id = $1) AS lines
     FROM budget_states s WHERE s.budget_id = $1`,
    [budgetId],
  );
  return row;
}
