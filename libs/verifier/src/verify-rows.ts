import { type DecisionRow, type LinkFault, type Place, verifyLink } from './link.ts';
import type { VerifyProgress } from './verify-chain.ts';

/** The first row at fault; `seq` is the place in the chain. */
export interface RowFault {
  seq: number;
  kind: LinkFault['kind'];
  message: string;
}

export interface RowsResult {
  valid: boolean;
  /** Rows found to be whole; when not valid, those before the fault. */
  checked: number;
  /** Null when there is none. */
  firstSeq: number | null;
  lastSeq: number | null;
  /** Hash of the last of them, or of the place before the first. */
  head: string;
  firstBroken?: RowFault;
}

export interface RowsOptions {
  /** The place before the first row: `{ seq: 0, hash: GENESIS_HASH }`, or where the chain was pruned. */
  after: Place;
  /** Where the chain has to end: what its head says. */
  head: Place;
  /** Progress is told after so many rows: 10,000 unless said. */
  progressEvery?: number;
}

/**
 * Checks the rows of a chain as they stand in the table, in the order of their seq, columns included. Yields progress,
 * returns the result. When a link breaks, the row after it decides which of the two was altered and hashed anew. Throws
 * what `rows` throws.
 */
export async function* verifyRows(
  rows: AsyncIterable<DecisionRow>,
  options: RowsOptions,
): AsyncGenerator<VerifyProgress, RowsResult, void> {
  const every = options.progressEvery ?? 10_000;
  let last = options.after;
  let checked = 0;
  let broken: { row: DecisionRow; fault: LinkFault } | null = null;
  const result = (firstBroken: RowFault | null): RowsResult => ({
    valid: firstBroken === null,
    checked,
    firstSeq: checked === 0 ? null : options.after.seq + 1,
    lastSeq: checked === 0 ? null : last.seq,
    head: last.hash,
    ...(firstBroken && { firstBroken }),
  });
  for await (const row of rows) {
    if (broken) return result(blame(broken, checked > 0 ? last.seq : null, row.prevHash));
    const fault = verifyLink(last, row);
    if (fault?.breaks === 'link' && fault.kind === 'altered') {
      broken = { row, fault };
      continue;
    }
    if (fault) return result({ seq: last.seq + 1, kind: fault.kind, message: fault.message });
    last = { seq: row.seq, hash: row.hash };
    checked++;
    if (checked % every === 0) yield { checked, seq: last.seq };
  }
  if (broken) return result(blame(broken, checked > 0 ? last.seq : null, options.head.hash));
  return result(endFault(last, options));
}

/** Which of two rows that are not chained is at fault, by what the next one, or the head, was chained to. */
function blame({ row, fault }: { row: DecisionRow; fault: LinkFault }, before: number | null, next: string): RowFault {
  if (next !== row.hash || before === null) return { seq: row.seq, kind: 'altered', message: fault.message };
  const message = `record ${before} was altered and hashed anew: record ${row.seq} was chained to another one`;
  return { seq: before, kind: 'altered', message };
}

function endFault(last: Place, { head }: RowsOptions): RowFault | null {
  if (last.seq === head.seq && last.hash === head.hash) return null;
  if (last.seq < head.seq) {
    const message = `record ${last.seq + 1} is missing: the chain's head is ${head.seq}`;
    return { seq: last.seq + 1, kind: 'missing', message };
  }
  if (last.seq > head.seq) {
    const message = `record ${head.seq + 1} stands behind the chain's head ${head.seq}`;
    return { seq: head.seq + 1, kind: 'inserted', message };
  }
  const message = `record ${last.seq} was altered and hashed anew: the chain's head knows another hash`;
  return { seq: last.seq, kind: 'altered', message };
}
