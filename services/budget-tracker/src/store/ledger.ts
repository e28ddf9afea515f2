import { bigintArray, type Sql, textArray, timestamptzArray } from '@governsai/db';
import type { LedgerLine, Overrun } from '../domain/booking.ts';
import { isoOrNull } from '../domain/budget.ts';
import { formatDecimal } from '../domain/decimal.ts';

/** Adds lines to the ledgers and returns those that were not there before: only they count (G5). */
export async function addLedgerLines(tx: Sql, lines: readonly LedgerLine[]): Promise<Set<LedgerLine>> {
  if (lines.length === 0) return new Set();
  const texts = (of: (line: LedgerLine) => string | null) => textArray(lines.map(of));
  const [result] = await tx.query<{ count: number; added: [string, string, string][] | null }>(ADD_LINES, [
    texts((line) => line.orgId),
    texts((line) => line.budgetId),
    texts((line) => line.source),
    texts((line) => line.sourceId),
    texts((line) => formatDecimal(line.amount)),
    bigintArray(lines.map((line) => line.seq)),
    timestamptzArray(lines.map((line) => line.periodStart)),
    timestamptzArray(lines.map((line) => line.occurredAt)),
    bigintArray(lines.map((line) => line.revision)),
    bigintArray(lines.map((line) => line.priceId)),
    texts((line) => line.holdId),
    lines.length,
  ]);
  if (result?.count === lines.length) return new Set(lines);
  const added = new Set(result?.added?.map((key) => JSON.stringify(key)));
  return new Set(lines.filter((line) => added.delete(JSON.stringify([line.budgetId, line.source, line.sourceId]))));
}

/** Tells which lines are new only where some are not: usually all are, and to hear of each would cost more than to add it. */
const ADD_LINES = `
  WITH added AS (
    INSERT INTO budget_ledger (org_id, budget_id, source, source_id, amount, seq, period_start, occurred_at, budget_version,
      price_id, hold_id)
    SELECT org_id, budget_id, source, source_id, amount::numeric, seq, period_start, occurred_at, budget_version, price_id,
      hold_id
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[],
      $8::timestamptz[], $9::bigint[], $10::bigint[], $11::text[]) AS l(org_id, budget_id, source, source_id, amount, seq,
      period_start, occurred_at, budget_version, price_id, hold_id)
    ON CONFLICT (budget_id, source, source_id) DO NOTHING RETURNING budget_id, source, source_id)
  SELECT (SELECT count(*) FROM added) AS count,
    CASE WHEN (SELECT count(*) FROM added) < $12::int
      THEN (SELECT json_agg(json_build_array(budget_id, source, source_id)) FROM added) END AS added`;

/** Keeps what went beyond a hold or a hard limit, beside the lines that did. */
export async function addOverruns(tx: Sql, overruns: readonly Overrun[]): Promise<void> {
  if (overruns.length === 0) return;
  await tx.execute(
    `INSERT INTO budget_overruns (budget_id, source, source_id, org_id, amount, period_start, occurred_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::timestamptz[], $7::timestamptz[])`,
    [
      overruns.map(({ line }) => line.budgetId),
      overruns.map(({ line }) => line.source),
      overruns.map(({ line }) => line.sourceId),
      overruns.map(({ line }) => line.orgId),
      overruns.map(({ amount }) => formatDecimal(amount)),
      overruns.map(({ line }) => isoOrNull(line.periodStart)),
      overruns.map(({ line }) => isoOrNull(line.occurredAt)),
    ],
  );
}

/** The amount of a line as PostgreSQL prints it; null when there is none. */
export async function findLedgerAmount(
  tx: Sql,
  budgetId: string,
  source: string,
  sourceId: string,
): Promise<string | null> {
  const [row] = await tx.query<{ amount: string }>(
    'SELECT amount FROM budget_ledger WHERE budget_id = $1 AND source = $2 AND source_id = $3',
    [budgetId, source, sourceId],
  );
  return row?.amount ?? null;
}
