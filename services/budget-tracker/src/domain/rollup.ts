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

/** Between the values of a key. No dimension holds it: PostgreSQL has no text with U+0000. */
const SEPARATOR = '\u0000';

/** Sums decisions by hour and dimensions, sorted, so that transactions touch the rows in one order. */
export function rollUp(recorded: readonly Recorded[]): Rollup[] {
  const rollups = new Map<string, Rollup>();
  for (const one of recorded) {
    const { orgId, decision } = one;
    const bucket = hourOf(one.at);
    const currency = dimension(one.currency);
    const tool = dimension(one.tool);
    const userId = dimension(one.userId);
    const keyId = dimension(one.keyId);
    const model = dimension(one.model);
    const key = [orgId, bucket, currency, tool, userId, keyId, model, decision].join(SEPARATOR);
    const before = rollups.get(key);
    if (before) add(before, one);
    else rollups.set(key, { orgId, bucket, currency, tool, userId, keyId, model, decision, ...sumsOf(one) });
  }
  return sorted(rollups);
}

/** The same by tag: a decision counts once for each tag it has. */
export function rollUpTags(recorded: readonly Recorded[]): TagRollup[] {
  const rollups = new Map<string, TagRollup>();
  for (const one of recorded) {
    const { orgId } = one;
    const bucket = hourOf(one.at);
    const currency = dimension(one.currency);
    for (const tag of new Set(one.tags.map(dimension))) {
      const key = [orgId, bucket, currency, tag].join(SEPARATOR);
      const before = rollups.get(key);
      if (before) add(before, one);
      else rollups.set(key, { orgId, bucket, currency, tag, ...sumsOf(one) });
    }
  }
  return sorted(rollups);
}

function sumsOf(one: Recorded): Sums {
  return {
    calls: 1,
    cost: one.cost ?? ZERO,
    inputTokens: BigInt(one.inputTokens),
    outputTokens: BigInt(one.outputTokens),
  };
}

function add(sums: Sums, one: Recorded): void {
  sums.calls += 1;
  sums.cost += one.cost ?? ZERO;
  sums.inputTokens += BigInt(one.inputTokens);
  sums.outputTokens += BigInt(one.outputTokens);
}

function sorted<R>(rollups: ReadonlyMap<string, R>): R[] {
  return [...rollups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rollup]) => rollup);
}
