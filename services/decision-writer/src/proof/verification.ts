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
import {
  type ChainBounds,
  chainBounds,
  chainExtent,
  checkpointsBetween,
  type Outside,
  storedRows,
} from './chain-store.ts';

type Fault = NonNullable<ChainVerification['firstBroken']>;

/**
 * Checks an org's chain as it is stored: every hash, link, column and person, that it begins where retention ended and
 * reaches its head, that nothing stands outside of that, and that each checkpoint is whole and names the hash that stands
 * in the table. Yields progress, returns what it found. Decisions recorded meanwhile are left out. When retention prunes
 * what is being read, it begins again behind it.
 */
export async function* verifyStoredChain(
  db: Database,
  orgId: string,
): AsyncGenerator<VerifyProgress, ChainVerification, void> {
  const { outside, ...bounds } = await db.transaction([orgId], (tx) => chainExtent(tx, orgId));
  const checkpoints = new CheckpointWatch(db, orgId, bounds);
  const rows = checkpoints.watch(storedRows(db, orgId, bounds.before.seq, bounds.head.seq));
  const result = yield* verifyRows(rows, { after: bounds.before, head: bounds.head });
  const faults = [result.firstBroken, checkpoints.fault, ...outsideFaults(bounds, outside)];
  const firstBroken = faults.filter((fault) => fault !== undefined).sort((a, b) => a.seq - b.seq)[0];
  if (!firstBroken) {
    countVerification(true);
    return { valid: true, checked: result.checked };
  }
  const now = await db.transaction([orgId], (tx) => chainBounds(tx, orgId));
  if (now.before.seq > bounds.before.seq) return yield* verifyStoredChain(db, orgId);
  countVerification(false);
  const checked = Math.max(0, Math.min(result.checked, firstBroken.seq - bounds.before.seq - 1));
  return { valid: false, checked, firstBroken };
}

function outsideFaults({ before, head }: ChainBounds, { below, above, pruned, unpruned }: Outside): Fault[] {
  const faults: Fault[] = [];
  if (below !== null) {
    const message = `record ${below} is kept, though the chain says that it begins with ${before.seq + 1}`;
    faults.push({ seq: below, kind: 'inserted', message });
  }
  if (above !== null) {
    faults.push({
      seq: above,
      kind: 'inserted',
      message: `record ${above} stands behind the chain's head ${head.seq}`,
    });
  }
  if (unpruned !== null) {
    const message = `record ${unpruned} is missing: it is neither kept nor among those that retention pruned`;
    faults.push({ seq: unpruned, kind: 'missing', message });
  } else if (pruned !== before.seq) {
    const message = `${pruned} decisions are kept as pruned, though the chain says that it begins with ${before.seq + 1}`;
    faults.push({ seq: before.seq + 1, kind: 'inserted', message });
  }
  return faults;
}

/** Holds the stored checkpoints against the rows that pass by, and against the ends of the chain. */
class CheckpointWatch {
  /** The one with the lowest seq. */
  fault: Fault | undefined;

  constructor(
    private readonly db: Database,
    private readonly orgId: string,
    private readonly bounds: ChainBounds,
  ) {}

  async *watch(pages: AsyncIterable<DecisionRow[]>): AsyncGenerator<DecisionRow, void, void> {
    const { before, head } = this.bounds;
    // Signed for the last pruned record, or for what must have been pruned: the first is still the one to begin from.
    await this.check(0, before.seq, new Map([[before.seq, before.hash]]));
    for await (const page of pages) {
      const hashes = new Map(page.map((row) => [row.seq, row.hash]));
      await this.check(page[0]?.seq ?? 0, page.at(-1)?.seq ?? 0, hashes);
      yield* page;
    }
    await this.checkBehind(head.seq);
  }

  private async check(from: number, to: number, hashes: ReadonlyMap<number, string>): Promise<void> {
    for (const signed of await checkpointsBetween(this.db, this.orgId, from, to)) {
      this.fault ??= faultOf(signed, hashes.get(signed.checkpoint.seq));
    }
  }

  /** Nothing is signed for what is behind the head, but for what was recorded since the bounds were read. */
  private async checkBehind(lastSeq: number): Promise<void> {
    const behind = await checkpointsBetween(this.db, this.orgId, lastSeq + 1, Number.MAX_SAFE_INTEGER);
    const first = behind[0];
    if (!first) return;
    const { head } = await this.db.transaction([this.orgId], (tx) => chainBounds(tx, this.orgId));
    const { seq, keyId } = first.checkpoint;
    const cut = `the chain ends at ${head.seq}, the checkpoint of ${seq} by key ${keyId} knows more of it`;
    const missing: Fault = { seq: head.seq + 1, kind: 'missing', message: cut };
    for (const signed of behind) this.fault ??= faultOf(signed, undefined);
    if (seq > head.seq) this.fault ??= missing;
  }
}

function faultOf(signed: SignedCheckpoint, hash: string | undefined): Fault | undefined {
  const { seq, head, keyId } = signed.checkpoint;
  const fault = (message: string): Fault => ({ seq, kind: 'checkpoint', message });
  if (!verifyCheckpoint(signed)) return fault(`the checkpoint of ${seq} by key ${keyId} has no valid signature`);
  if (hash !== undefined && hash !== head) {
    return fault(`the checkpoint of ${seq} by key ${keyId} vouches for ${head}, the table holds ${hash}`);
  }
  return undefined;
}
