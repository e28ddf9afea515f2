import { AppError, type DecisionsSubmitted, type RawTexts } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import { type BatchPlan, idKey } from './plan.ts';

/** Stores the raw text that came with what a batch adds, for the orgs that keep it; of two with one key, the stored one's. */
export async function insertRawTexts<Item extends { value: DecisionsSubmitted }>(
  tx: Sql,
  items: readonly Item[],
  plan: BatchPlan<Item>,
  recordedAt: string,
): Promise<void> {
  if (!items.some(({ value }) => value.rawText)) return;
  const added = new Set([
    ...plan.links.map(({ record }) => idKey(record.orgId, record.id)),
    ...plan.events.map((event) => idKey(event.orgId, event.decisionId)),
  ]);
  const rows: DecisionsSubmitted[] = [];
  for (const { value } of items) {
    // The first with a key is the one that is stored.
    if (added.delete(idKey(value.orgId, value.decisionId)) && value.rawText) rows.push(value);
  }
  if (rows.length === 0) return;
  await tx.execute(
    `INSERT INTO raw_texts (org_id, decision_id, data, recorded_at)
     SELECT *, $4::timestamptz FROM unnest($1::text[], $2::text[], $3::jsonb[])`,
    [
      rows.map((row) => row.orgId),
      rows.map((row) => row.decisionId),
      rows.map((row) => JSON.stringify(row.rawText)),
      recordedAt,
    ],
  );
}

/** The raw text of a decision. Throws NOT_FOUND when none was kept, or it was erased. */
export async function readRawText(tx: Sql, orgId: string, id: string): Promise<RawTexts & { recordedAt: string }> {
  const [row] = await tx.query<{ data: RawTexts; recordedAt: string }>(
    'SELECT data, recorded_at AS "recordedAt" FROM raw_texts WHERE org_id = $1 AND decision_id = $2',
    [orgId, id],
  );
  if (!row)
    throw new AppError('NOT_FOUND', `no raw text of ${id} is kept: the org did not keep it then, or it was erased`);
  return { ...row.data, recordedAt: row.recordedAt };
}

/** Erases the raw text of a decision; whether there was any. Throws NOT_FOUND when there is no such decision. */
export async function eraseRawText(tx: Sql, orgId: string, id: string): Promise<boolean> {
  if ((await tx.execute('DELETE FROM raw_texts WHERE org_id = $1 AND decision_id = $2', [orgId, id])) > 0) return true;
  const there = await tx.query(
    `SELECT 1 FROM decisions WHERE org_id = $1 AND id = $2 UNION ALL SELECT 1 FROM events WHERE org_id = $1 AND id = $2`,
    [orgId, id],
  );
  if (there.length > 0) return false;
  throw new AppError('NOT_FOUND', `org ${orgId} has no decision ${id}: check its id`);
}
