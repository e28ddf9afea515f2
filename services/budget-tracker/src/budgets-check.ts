import { createDatabase } from '@governsai/db';
import { databaseEnv, loadConfig } from '@governsai/service';
import { checkBudgets } from './store/check.ts';

// node services/budget-tracker/dist/budgets-check.js: compares every sum of every budget with what it is the sum of. Reads
// DATABASE_URL. Exits with 1 when any does not add up.

const CHECK_TIMEOUT_MS = 10 * 60 * 1000;

try {
  const config = loadConfig(databaseEnv);
  const url = config.DATABASE_URL;
  const db = createDatabase({ url, poolSize: 1, applicationName: 'budgets-check', queryTimeoutMs: CHECK_TIMEOUT_MS });
  const mismatches = await checkBudgets(db);
  await db.close();
  for (const { orgId, budgetId, what, periodStart, stored, counted } of mismatches) {
    const period = periodStart === null ? '' : ` of the period from ${periodStart}`;
    process.stdout.write(
      `org ${orgId}, budget ${budgetId}: ${what}${period} is ${stored}, its entries sum up to ${counted}\n`,
    );
  }
  process.stdout.write(
    mismatches.length === 0 ? 'Every budget is the sum of its ledger.\n' : `${mismatches.length} sums do not add up.\n`,
  );
  process.exitCode = mismatches.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
