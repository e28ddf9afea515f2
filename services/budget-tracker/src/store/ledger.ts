import type { Sql } from '@governsai/db';
import type { LedgerEntry } from '../domain/booking.ts';
import { formatDecimal } from '../domain/decimal.ts';

/** Adds lines to the ledgers and returns those that were not there before: only they count (G5). Keeps their order. */
export async function addLedgerEntries(tx: Sql, entries: readonly LedgerEntry[]): Promise<LedgerEntry[]> {
  const rows = await tx.query<{ budget_id: string; source_id: string }>(
    `INSERT INTO budget_ledger (org_id, budget_id, source, source_id, amount, seq, period_start, occurred_at)
     SELECT org_id, budget_id, 'decision', source_id, amount, seq, period_start, occurred_at
     FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
       AS e(org_id, budget_id, source_id, amount, seq, period_start, occurred_at)
     ON CONFLICT (budget_id, source, source_id) DO NOTHING RETURNING budget_id, source_id`,
    [
      entries.map((entry) => entry.orgId),
      entries.map((entry) => entry.budgetId),
      entries.map((entry) => entry.decisionId),
      entries.map((entry) => formatDecimal(entry.amount)),
      entries.map((entry) => entry.seq),
      entries.map((entry) => (entry.periodStart === null ? null : new Date(entry.periodStart).toISOString())),
      entries.map((entry) => new Date(entry.occurredAt).toISOString()),
    ],
  );
  if (rows.length === entries.length) return [...entries];
  const added = new Set(rows.map((row) => `${row.budget_id} ${row.source_id}`));
  return entries.filter((entry) => added.delete(`${entry.budgetId} ${entry.decisionId}`));
}
