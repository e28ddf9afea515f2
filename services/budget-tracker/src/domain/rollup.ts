import { createHash } from 'node:crypto';
import { type Decimal, ZERO } from './decimal.ts';
import { hourOf } from './period.ts';
import type { Recorded } from './recorded.ts';

/** How much was used. */
interface Sums {
  calls: number;
  cost: Decimal;
  inputTokens: bigint;
  outputTokens: bigint;
}

interface Bucket {
  orgId: string;
  /** Start of the hour, milliseconds since the epoch. */
  bucket: number;
  currency: string;
}

/** Usage of an org within one hour, by everything it can be grouped by later. `''` stands for what was not said. */
export interface Rollup extends Bucket, Sums {
  tool: string;
  userId: string;
  keyId: string;
  model: string;
  decision: string;
}

/** Usage of an org within one hour by tag. */
export interface TagRollup extends Bucket, Sums {
  tag: string;
}

/**
 * Longest dimension in UTF-8 bytes. All dimensions are one B-tree key, which PostgreSQL bounds at about 2,700 bytes; a longer
 * one would be refused for ever and hold up its partition.
 */
const MAX_DIMENSION_BYTES = 512;
const HASH_DIGITS = 16;

/** The value as a dimension: itself, or when it is too long its beginning and a hash, so that others stay apart from it. */
export function dimension(value: string | null): string {
  if (value === null) return '';
  // At most three bytes for each UTF-16 code unit.
  if (3 * value.length <= MAX_DIMENSION_BYTES) return value;
  const bytes = Buffer.from(value);
  if (bytes.length <= MAX_DIMENSION_BYTES) return value;
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, HASH_DIGITS);
  // Room for the ellipsis and the hash; a character that the cut went through shows as U+FFFD.
  const start = bytes
    .subarray(0, MAX_DIMENSION_BYTES - 3 - HASH_DIGITS)
    .toString()
    .replace(/\uFFFD+$/, '');
  return `${start}…${hash}`;
}

/** Sums decisions by hour and dimensions, sorted, so that transactions touch the rows in one order. */
export function rollUp(recorded: readonly Recorded[]): Rollup[] {
  return sumBy(
    recorded.map((one) => [
      one,
      {
        ...bucketOf(one),
        tool: dimension(one.tool),
        userId: dimension(one.userId),
        keyId: dimension(one.keyId),
        model: dimension(one.model),
        decision: one.decision,
      },
    ]),
  );
}

/** The same by tag: a decision counts once for each tag it has. */
export function rollUpTags(recorded: readonly Recorded[]): TagRollup[] {
  return sumBy(
    recorded.flatMap((one) =>
      [...new Set(one.tags.map(dimension))].map((tag): [Recorded, Bucket & { tag: string }] => [
        one,
        { ...bucketOf(one), tag },
      ]),
    ),
  );
}

function bucketOf(one: Recorded): Bucket {
  return { orgId: one.orgId, bucket: hourOf(one.at), currency: dimension(one.currency) };
}

function sumBy<D extends Bucket>(items: readonly (readonly [Recorded, D])[]): (D & Sums)[] {
  const rollups = new Map<string, D & Sums>();
  for (const [one, dimensions] of items) {
    const key = JSON.stringify(Object.values(dimensions));
    const sum = rollups.get(key) ?? { ...dimensions, calls: 0, cost: ZERO, inputTokens: 0n, outputTokens: 0n };
    rollups.set(key, sum);
    sum.calls += 1;
    sum.cost += one.cost ?? ZERO;
    sum.inputTokens += BigInt(one.inputTokens);
    sum.outputTokens += BigInt(one.outputTokens);
  }
  return [...rollups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rollup]) => rollup);
}
