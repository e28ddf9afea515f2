import type { ChainVerification } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import {
  type DecisionRow,
  type SignedCheckpoint,
  type VerifyProgress,
  verifyCheckpoint,
  verifyRows,
} from '@governsai/verifier';
import { countVerification } from '../metrics.ts';
import { chainBounds, checkpointsBetween, storedRows } from './chain-store.ts';

/**
 * Checks an org's chain as it is stored: every hash, link, column and person, that it reaches its head, and that each
 * checkpoint is whole and names the hash that stands in the table. Yields progress, returns what it found. Decisions
 * recorded meanwhile are left out. When retention prunes what is being read, it begins again behind it.
 */
export async function* verifyStoredChain(
  db: Database,
  orgId: string,
): AsyncGenerator<VerifyProgress, ChainVerification, void> {
  const bounds = await db.transaction([orgId], (tx) => chainBounds(tx, orgId));
  const checkpoints = new CheckpointWatch(db, orgId);
  const rows = checkpoints.watch(storedRows(db, orgId, bounds.before.seq, bounds.head.seq));
  const result = yield* verifyRows(rows, { after: bounds.before, head: bounds.head });
  const faults = [result.firstBroken, checkpoints.fault].filter((fault) => fault !== undefined);
  const firstBroken = faults.sort((a, b) => a.seq - b.seq)[0];
  if (!firstBroken) {
    countVerification(true);
    return { valid: true, checked: result.checked };
  }
  const now = await db.transaction([orgId], (tx) => chainBounds(tx, orgId));
  if (now.before.seq > bounds.before.seq) return yield* verifyStoredChain(db, orgId);
  countVerification(false);
  const checked = Math.min(result.checked, firstBroken.seq - bounds.before.seq - 1);
  return { valid: false, checked, firstBroken };
}

/** Holds the stored checkpoints against the rows that pass by. */
class CheckpointWatch {
  fault: NonNullable<ChainVerification['firstBroken']> | undefined;

  constructor(
    private readonly db: Database,
    private readonly orgId: string,
  ) {}

  async *watch(pages: AsyncIterable<DecisionRow[]>): AsyncGenerator<DecisionRow, void, void> {
    for await (const page of pages) {
      const first = page[0]?.seq ?? 0;
      const checkpoints = await checkpointsBetween(this.db, this.orgId, first, page.at(-1)?.seq ?? 0);
      const hashes = new Map(page.map((row) => [row.seq, row.hash]));
      for (const signed of checkpoints) this.fault ??= this.faultOf(signed, hashes.get(signed.checkpoint.seq));
      yield* page;
    }
  }

  private faultOf(signed: SignedCheckpoint, hash: string | undefined): CheckpointWatch['fault'] {
    const { seq, head, keyId } = signed.checkpoint;
    const fault = (message: string) => ({ seq, kind: 'checkpoint' as const, message });
    if (!verifyCheckpoint(signed)) return fault(`the checkpoint of ${seq} by key ${keyId} has no valid signature`);
    if (hash !== undefined && hash !== head) {
      return fault(`the checkpoint of ${seq} by key ${keyId} vouches for ${head}, the table holds ${hash}`);
    }
    return undefined;
  }
}
