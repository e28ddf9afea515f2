import { gather } from './evidence.ts';
import type { Fault } from './faults.ts';
import type { Suspicion } from './judge.ts';
import type { TrustedKey } from './keys.ts';
import { DamagedInput } from './read-lines.ts';
import { Walk } from './walk.ts';

export interface VerifyOptions {
  /** Keys whose checkpoints count. With at least one, one of their checkpoints has to be in the file. */
  keys?: readonly TrustedKey[];
  /** The seq up to which those keys have to vouch; needs `keys`. */
  until?: number;
  /** Progress is told after so many records: 10,000 unless said. */
  progressEvery?: number;
}

export interface VerifyProgress {
  /** Records found to be whole so far. */
  checked: number;
  /** The last of them. */
  seq: number;
}

export interface VerifyResult {
  valid: boolean;
  /** Null when the file has no readable header. */
  orgId: string | null;
  /** Records found to be whole; when not valid, those before the fault. */
  checked: number;
  /** The first and last of them; null when there is none. */
  firstSeq: number | null;
  lastSeq: number | null;
  /** Hash of the last of them; without one, what the header says comes before. */
  head: string;
  /** Records among them whose person has been erased. */
  erased: number;
  /** Checkpoints found to be whole, whoever made them. */
  checkpoints: number;
  /** Ids of keys that made some of these and were not given. */
  otherKeys: string[];
  /** Up to this seq a given key vouches. Null: for nothing. */
  vouchedTo: number | null;
  /** There if and only if not valid. */
  firstBroken?: Fault;
}

const PROGRESS_EVERY = 10_000;

/**
 * Checks an export: every hash, every link, every person beside a record, every checkpoint, and that the file is complete.
 * Takes the lines with their line feeds (see `readLines`), yields progress, returns the result. Memory does not grow with
 * the file. After a fault it reads on to the end, to tell what is missing from what has moved. Throws only what `lines`
 * throws, `DamagedInput` excepted, which is a fault of the file.
 *
 * @example
 * const result = await resultOf(verifyChain(readLines(createReadStream('file.ndjson')), { keys: [readPublicKey(pem)] }));
 */
export async function* verifyChain(
  lines: AsyncIterable<string>,
  options: VerifyOptions = {},
): AsyncGenerator<VerifyProgress, VerifyResult, void> {
  const walk = new Walk(options.keys ?? []);
  const every = options.progressEvery ?? PROGRESS_EVERY;
  const iterator = lines[Symbol.asyncIterator]();
  let told = 0;
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const suspicion = walk.take(next.value);
      if (suspicion) return summary(walk, await decide(suspicion, iterator));
      if (walk.checked < told + every) continue;
      told = walk.checked;
      yield { checked: told, seq: walk.last.seq };
    }
  } catch (error) {
    if (error instanceof DamagedInput) return summary(walk, walk.damaged(error.kind, error.message));
    throw error;
  } finally {
    await iterator.return?.();
  }
  return summary(walk, walk.end() ?? walk.unvouched(options.until ?? null));
}

/** Runs a verification to its end and returns the result; progress goes to the listener. */
export async function resultOf<Progress, Result>(
  verification: AsyncGenerator<Progress, Result, void>,
  onProgress?: (progress: Progress) => void,
): Promise<Result> {
  for (;;) {
    const step = await verification.next();
    if (step.done) return step.value;
    onProgress?.(step.value);
  }
}

async function decide(suspicion: Suspicion, rest: AsyncIterator<string>): Promise<Fault> {
  if (!('judge' in suspicion)) return suspicion;
  return suspicion.judge(await gather(readable(rest), suspicion.question));
}

/** The lines that can still be read. */
async function* readable(rest: AsyncIterator<string>): AsyncGenerator<string, void, void> {
  try {
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } catch (error) {
    if (!(error instanceof DamagedInput)) throw error;
  }
}

function summary(walk: Walk, firstBroken: Fault | null): VerifyResult {
  return {
    valid: firstBroken === null,
    orgId: walk.orgId,
    checked: walk.checked,
    firstSeq: walk.firstSeq,
    lastSeq: walk.firstSeq === null ? null : walk.last.seq,
    head: walk.last.hash,
    erased: walk.erased,
    checkpoints: walk.checkpoints,
    otherKeys: [...walk.otherKeys],
    vouchedTo: walk.vouchedTo,
    ...(firstBroken && { firstBroken }),
  };
}
