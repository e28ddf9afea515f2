import type { Sql } from '@governsai/db';
import type { Placed } from '../domain/sequence.ts';

/**
 * Locks the cursors of orgs until the transaction ends and says where they stand, by org. Whoever counts decisions or
 * creates budgets of an org does so under this lock. `orgIds` must be sorted, or two transactions may wait for each other.
 */
export async function lockCursors(tx: Sql, orgIds: readonly string[]): Promise<Map<string, number>> {
  const cursors = await lockPresent(tx, orgIds);
  if (cursors.size === orgIds.length) return cursors;
  await tx.execute(
    'INSERT INTO tracker_cursors (org_id, seq) SELECT org_id, 0 FROM unnest($1::text[]) AS org_id ORDER BY org_id ON CONFLICT DO NOTHING',
    [orgIds],
  );
  return lockPresent(tx, orgIds);
}

async function lockPresent(tx: Sql, orgIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.query<{ org_id: string; seq: number }>(
    'SELECT org_id, seq FROM tracker_cursors WHERE org_id = ANY($1) ORDER BY org_id FOR UPDATE',
    [orgIds],
  );
  return new Map(rows.map((row) => [row.org_id, row.seq]));
}

/** Moves locked cursors forward, to the seq given by org; never back. */
export async function moveCursors(tx: Sql, reach: ReadonlyMap<string, number>): Promise<void> {
  await tx.execute(
    `UPDATE tracker_cursors c SET seq = u.seq FROM unnest($1::text[], $2::bigint[]) AS u(org_id, seq)
     WHERE c.org_id = u.org_id AND c.seq < u.seq`,
    [[...reach.keys()], [...reach.values()]],
  );
}

/** Notes seqs that could not be counted, so that a redrive may count exactly those later. */
export async function addSkipped(tx: Sql, skipped: readonly Placed[]): Promise<void> {
  await tx.execute(
    'INSERT INTO tracker_skipped (org_id, seq) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING',
    placeColumns(skipped),
  );
}

/** Of these seqs, those that were skipped once; they are no longer noted as such. */
export async function takeSkipped<T extends Placed>(tx: Sql, seen: readonly T[]): Promise<T[]> {
  const rows = await tx.query<{ org_id: string; seq: number }>(
    `DELETE FROM tracker_skipped s USING unnest($1::text[], $2::bigint[]) AS u(org_id, seq)
     WHERE s.org_id = u.org_id AND s.seq = u.seq RETURNING s.org_id, s.seq`,
    placeColumns(seen),
  );
  const taken = new Set(rows.map((row) => `${row.org_id} ${row.seq}`));
  return seen.filter((item) => taken.delete(`${item.orgId} ${item.seq}`));
}

function placeColumns(items: readonly Placed[]): [string[], number[]] {
  return [items.map((item) => item.orgId), items.map((item) => item.seq)];
}
