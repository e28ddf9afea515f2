import { AppError } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { ExportPartWriter, type Place, type SignedCheckpoint } from '@governsai/verifier';
import { BEGINNING, chainBounds, checkpointsBetween, storedRows } from './chain-store.ts';

/** Where an export begins, and the last seq it will hold. */
export interface ExportRange {
  after: Place;
  lastSeq: number;
}

/**
 * The range of an export that continues after `afterSeq` (0: from the first decision kept) and ends at the present head.
 * Throws RESUME_GAP when retention has pruned the next one, VALIDATION_FAILED when nothing was recorded up to `afterSeq`.
 */
export async function exportRange(db: Database, orgId: string, afterSeq: number): Promise<ExportRange> {
  return db.transaction([orgId], async (tx) => {
    const { before, head } = await chainBounds(tx, orgId);
    if (afterSeq === 0 || afterSeq === before.seq) return { after: before, lastSeq: head.seq };
    if (afterSeq < before.seq) {
      const message = `decisions up to ${before.seq} have been pruned; export again with afterSeq=0`;
      throw new AppError('RESUME_GAP', message, { path: 'afterSeq', firstSeq: before.seq + 1 });
    }
    const [row] = await tx.query<{ hash: string }>('SELECT hash FROM decisions WHERE org_id = $1 AND seq = $2', [
      orgId,
      afterSeq,
    ]);
    if (!row) {
      const message = `afterSeq: the chain ends at ${head.seq}; give the seq of a decision that arrived`;
      throw new AppError('VALIDATION_FAILED', message, { path: 'afterSeq' });
    }
    return { after: { seq: afterSeq, hash: row.hash }, lastSeq: head.seq };
  });
}

/**
 * The lines of an export, a part a page: what has arrived up to a trailer is whole, so that a broken-off export is resumed
 * after the `lastSeq` of its last trailer. Throws when a row is missing: a hole never leaves as an export.
 */
export async function* exportLines(
  db: Database,
  orgId: string,
  range: ExportRange,
): AsyncGenerator<string, void, void> {
  let part = new ExportPartWriter(orgId, range.after);
  let chunk = part.header();
  // The checkpoint of the last pruned record vouches for the hash that the first one kept is chained to.
  if (range.after.seq > BEGINNING.seq) {
    for (const signed of await checkpointsBetween(db, orgId, range.after.seq, range.after.seq)) {
      chunk += part.checkpoint(signed);
    }
  }
  for await (const page of storedRows(db, orgId, range.after.seq, range.lastSeq)) {
    const signed = bySeq(await checkpointsBetween(db, orgId, page[0]?.seq ?? 0, page.at(-1)?.seq ?? 0));
    for (const row of page) {
      chunk += part.record(row.seq, row);
      for (const checkpoint of signed.get(row.seq) ?? []) chunk += part.checkpoint(checkpoint);
    }
    if (part.last.seq === range.lastSeq) break;
    yield chunk + part.trailer(true);
    part = new ExportPartWriter(orgId, part.last);
    chunk = part.header();
  }
  if (part.last.seq !== range.lastSeq) throw new Error(`org ${orgId}: decision ${part.last.seq + 1} is not stored`);
  yield chunk + part.trailer(false);
}

function bySeq(checkpoints: readonly SignedCheckpoint[]): Map<number, SignedCheckpoint[]> {
  const found = new Map<number, SignedCheckpoint[]>();
  for (const signed of checkpoints) {
    const { seq } = signed.checkpoint;
    found.set(seq, [...(found.get(seq) ?? []), signed]);
  }
  return found;
}
