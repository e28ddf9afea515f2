import { listBudgetPeriods, listBudgetVersions, listLedger, normalizeDecimal } from '@governsai/contracts';
import type { Database, Sql } from '@governsai/db';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import {
  hasBudget,
  type LedgerRow,
  listLedgerRows,
  listPeriods,
  listVersions,
  type PeriodRow,
  type VersionRow,
} from '../store/budget-history.ts';
import { noBudget } from './get-budget.ts';
import { inOrg } from './in-org.ts';

/** What a budget was and what was used of it: `…/history`, `…/periods` and `…/ledger`, of archived budgets too. */
export function budgetHistoryRoutes(app: HttpApp, db: Database): void {
  const ofBudget = <T>(org: string, id: string, read: (tx: Sql) => Promise<T>) =>
    inOrg(db, org, async (tx) => {
      if (!(await hasBudget(tx, org, id))) throw noBudget(org, id);
      return read(tx);
    });

  app.mount(listBudgetVersions, async ({ params: { org, id }, query: { cursor, limit } }) => {
    const [before] = decodeCursor(cursor, 'number') ?? [2 ** 31 - 1];
    const rows = await ofBudget(org, id, (tx) => listVersions(tx, id, before, limit + 1));
    return pageOf(rows, limit, (row) => [row.version], versionView);
  });

  app.mount(listBudgetPeriods, async ({ params: { org, id }, query: { cursor, limit } }) => {
    const [before] = decodeCursor(cursor, 'number') ?? [null];
    const since = before === null ? null : new Date(before).toISOString();
    const rows = await ofBudget(org, id, (tx) => listPeriods(tx, id, since, limit + 1));
    return pageOf(rows, limit, (row) => [Date.parse(row.period_start ?? '')], periodView);
  });

  app.mount(listLedger, async ({ params: { org, id }, query: { cursor, limit } }) => {
    const [after] = decodeCursor(cursor, 'number') ?? [0];
    const rows = await ofBudget(org, id, (tx) => listLedgerRows(tx, id, after, limit + 1));
    return pageOf(rows, limit, (row) => [row.id], ledgerView);
  });
}

function versionView(row: VersionRow) {
  return {
    revision: row.version,
    name: row.name,
    limit: normalizeDecimal(row.limit_amount),
    hard: row.hard,
    carryOver: row.carry_over,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    scope: row.scope,
    thresholds: row.thresholds,
    forecast: row.forecast,
    fromSeq: row.from_seq,
    untilSeq: row.until_seq,
    changedBy: row.changed_by,
    createdAt: row.created_at,
  };
}

function periodView(row: PeriodRow) {
  return {
    periodStart: row.period_start,
    periodEnd: row.period_end,
    limit: normalizeDecimal(row.limit_amount),
    carried: normalizeDecimal(row.carried),
    used: normalizeDecimal(row.committed),
    overrun: normalizeDecimal(row.overrun),
    current: row.current,
  };
}

function ledgerView(row: LedgerRow) {
  return {
    id: row.id,
    source: row.source,
    sourceId: row.source_id,
    amount: normalizeDecimal(row.amount),
    periodStart: row.period_start,
    occurredAt: row.occurred_at,
    seq: row.seq,
    revision: row.budget_version,
    priceId: row.price_id,
    holdId: row.hold_id,
    overrun: normalizeDecimal(row.overrun),
  };
}
