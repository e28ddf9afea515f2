import type { Sql } from '@governsai/db';
import type { LedgerLine, Overrun } from '../domain/booking.ts';
import { isoOrNull } from '../domain/budget.ts';
import { formatDecimal } from '../domain/decimal.ts';

/** Adds lines to the ledgers and returns those that were not there before: only they count (G5). */
export async function addLedgerLines(tx: Sql, lines: readonly LedgerLine[]): Promise<Set<LedgerLine>> {
  if (lines.length === 0) return new Set();
  const rows = await tx.query<{ budget_id: string; source: string; source_id: string }>(
    `INSERT INTO budget_ledger (org_id, budget_id, source, source_id, amount, seq, period_start, occurred_at, budget_version,
       price_id, hold_id)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::bigint[], $7::timestamptz[],
       $8::timestamptz[], $9::int[], $10::bigint[], $11::text[])
     ON CONFLICT (budget_id, source, source_id) DO NOTHING RETURNING budget_id, source, source_id`,
    [
      lines.map((line) => line.orgId),
      lines.map((line) => line.budgetId),
      lines.map((line) => line.source),
      lines.map((line) => line.sourceId),
      lines.map((line) => formatDecimal(line.amount)),
      lines.map((line) => line.seq),
      lines.map((line) => isoOrNull(line.periodStart)),
      lines.map((line) => isoOrNull(line.occurredAt)),
      lines.map((line) => line.revision),
      lines.map((line) => line.priceId),
      lines.map((line) => line.holdId),
    ],
  );
  if (rows.length === lines.length) return new Set(lines);
  const added = new Set(rows.map((row) => JSON.stringify([row.budget_id, row.source, row.source_id])));
  return new Set(lines.filter((line) => added.delete(JSON.stringify([line.budgetId, line.source, line.sourceId]))));
}

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
