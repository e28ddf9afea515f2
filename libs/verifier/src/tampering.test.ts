import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { publicKeyOf } from './keys.ts';
import { readLines } from './read-lines.ts';
import {
  forgeRow,
  inPieces,
  type SampleContent,
  type SampleRow,
  sampleExport,
  sampleKey,
  sampleRows,
} from './testing/sample-export.ts';
import { resultOf, type VerifyOptions, type VerifyResult, verifyChain } from './verify-chain.ts';

// Thousands of files are verified; a loaded machine takes its time.
jest.setTimeout(120_000);

const key = sampleKey('tampering');
const keys = [publicKeyOf(key)];

const content: fc.Arbitrary<SampleContent> = fc.record(
  {
    members: fc.record(
      {
        tool: fc.string({ unit: 'grapheme', maxLength: 12 }),
        tags: fc.array(fc.string({ unit: 'binary', maxLength: 6 }), { maxLength: 3 }),
        latencyMs: fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value + 0),
        detectorSummary: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 })),
      },
      { requiredKeys: [] },
    ),
    person: fc.record(
      { userId: fc.string({ minLength: 1, maxLength: 8 }), authUserId: fc.string() },
      { requiredKeys: ['userId'] },
    ),
  },
  { requiredKeys: [] },
);

/** A file with everything in it: parts, checkpoints, persons, erased persons, a start that is not the first record. */
interface Sample {
  rows: SampleRow[];
  lines: string[];
  from: number;
}

const sample: fc.Arbitrary<Sample> = fc
  .record({
    contents: fc.array(content, { minLength: 1, maxLength: 12 }),
    erased: fc.array(fc.nat(11)),
    pruned: fc.boolean(),
    partSize: fc.integer({ min: 1, max: 6 }),
    checkpointEvery: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ contents, erased, pruned, partSize, checkpointEvery }) => {
    const all = sampleRows(contents);
    const gone = pruned ? Math.floor(all.length / 2) : 0;
    const after = gone > 0 ? { seq: gone, hash: all[gone - 1]!.hash } : undefined;
    const rows = all
      .slice(gone)
      .map((row, index) => (erased.includes(index) ? { ...row, person: null, personSalt: null } : row));
    const lines = sampleExport(rows, { after, partSize, checkpointEvery, keys: [key] });
    return { rows, lines, from: gone + 1 };
  });

function verify(bytes: Uint8Array | readonly string[], options: VerifyOptions = {}): Promise<VerifyResult> {
  const whole = bytes instanceof Uint8Array ? bytes : Buffer.from(bytes.join(''));
  return resultOf(verifyChain(readLines(inPieces(whole, 1000)), options));
}

/** The seq of the record on a line; null when it is another part. */
function seqOn(line: string): number | null {
  const value = JSON.parse(line) as { record?: string };
  return value.record === undefined ? null : (JSON.parse(value.record) as { seq: number }).seq;
}

describe('tampering with an export', () => {
  it('whole exports verify, with persons erased and behind a pruned start', async () => {
    await fc.assert(
      fc.asyncProperty(sample, async ({ rows, lines, from }) => {
        const result = await verify(lines);
        expect(result.firstBroken).toBeUndefined();
        expect(result).toMatchObject({ valid: true, checked: rows.length, firstSeq: from, lastSeq: rows.at(-1)!.seq });
        expect(result.head).toBe(rows.at(-1)!.hash);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['with the key', keys],
    ['without a key', []],
  ])('each of 500 changed bytes is found, in the record that holds it, %s', async (_, trusted) => {
    await fc.assert(
      fc.asyncProperty(sample, fc.nat(), fc.integer({ min: 1, max: 255 }), async ({ lines }, place, change) => {
        const bytes = Buffer.from(lines.join(''));
        const at = place % bytes.length;
        bytes[at]! ^= change;
        const index = lineAt(lines, at);
        const { firstBroken } = await verify(bytes, { keys: trusted });
        expect(firstBroken).toBeDefined();
        expectNamed(firstBroken!, lines, index, at);
      }),
      { numRuns: 500 },
    );
  });

  it('each byte of a file, changed or left out or put in, is found', async () => {
    const rows = sampleRows([{ person: { userId: 'u' } }, { members: { tool: 'é "\u0001' } }, {}]);
    const lines = sampleExport(rows, { partSize: 2, checkpointEvery: 2, keys: [key] });
    const whole = Buffer.from(lines.join(''));
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 + (at % 255);
      const without = Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1)]);
      const more = Buffer.concat([whole.subarray(0, at), Buffer.from(' '), whole.subarray(at)]);
      for (const bytes of [changed, without, more]) {
        // Leaving out one of two equal neighbours changes nothing.
        if (!bytes.equals(whole)) expect([at, (await verify(bytes)).valid]).toEqual([at, false]);
      }
    }
  });

  it('each line left out is found and a record named', async () => {
    await fc.assert(
      fc.asyncProperty(sample, fc.nat(), async ({ lines }, place) => {
        const index = place % lines.length;
        const { firstBroken } = await verify(lines.toSpliced(index, 1));
        expect(firstBroken).toBeDefined();
        const seq = seqOn(lines[index]!);
        if (seq !== null) expect(firstBroken).toMatchObject({ seq, kind: 'missing', part: 'record' });
        else expect(['missing', 'truncated']).toContain(firstBroken!.kind);
      }),
      { numRuns: 500 },
    );
  });

  it('each line put in twice is found, at the place of the second', async () => {
    await fc.assert(
      fc.asyncProperty(sample, fc.nat(), fc.nat(), async ({ lines, from }, place, target) => {
        const [index, to] = [place % lines.length, target % (lines.length + 1)];
        const { firstBroken } = await verify(lines.toSpliced(to, 0, lines[index]!));
        expect(firstBroken).toBeDefined();
        const seq = seqOn(lines[index]!);
        // Before its own place nothing tells a copy from the original: what comes after it is one line off then.
        if (seq === null || (to <= index && lines.slice(to, index).every((line) => seqOn(line) === null))) return;
        expect(firstBroken).toMatchObject({ seq: placeAt(lines, to, from), kind: 'inserted', line: to + 1 });
      }),
      { numRuns: 500 },
    );
  });

  it('each two lines that change places are found', async () => {
    await fc.assert(
      fc.asyncProperty(sample, fc.nat(), fc.nat(), async ({ lines }, first, second) => {
        const [a, b] = [first % lines.length, second % lines.length].sort((x, y) => x - y) as [number, number];
        fc.pre(lines[a] !== lines[b]);
        const swapped = lines.with(a, lines[b]!).with(b, lines[a]!);
        const { firstBroken } = await verify(swapped);
        expect(firstBroken).toBeDefined();
        const [seq, other] = [seqOn(lines[a]!), seqOn(lines[b]!)];
        if (seq === null || other === null) return;
        expect(firstBroken).toMatchObject({ seq, found: other, kind: 'reordered', line: a + 1 });
      }),
      { numRuns: 500 },
    );
  });

  it('each record altered and hashed anew is found and named', async () => {
    await fc.assert(
      fc.asyncProperty(sample, fc.nat(), async ({ lines, rows }, place) => {
        const row = rows[place % rows.length]!;
        const forged = lineOf(forgeRow(row, { decision: 'deny' }));
        const { firstBroken } = await verify(lines.map((line) => (seqOn(line) === row.seq ? forged : line)));
        expect(firstBroken).toMatchObject({ seq: row.seq, kind: 'altered', part: 'record' });
      }),
      { numRuns: 200 },
    );
  });

  it('each forged record put in beside the true one is found and named', async () => {
    await fc.assert(
      fc.asyncProperty(sample, fc.nat(), fc.boolean(), async ({ lines, rows }, place, before) => {
        const row = rows[place % rows.length]!;
        const forged = lineOf(forgeRow(row, { decision: 'deny' }));
        const at = lines.findIndex((line) => seqOn(line) === row.seq) + (before ? 0 : 1);
        const { firstBroken } = await verify(lines.toSpliced(at, 0, forged));
        expect(firstBroken).toMatchObject({ seq: before ? row.seq : row.seq + 1, kind: 'inserted', line: at + 1 });
      }),
      { numRuns: 200 },
    );
  });

  it('each file cut short is found', async () => {
    await fc.assert(
      fc.asyncProperty(sample, fc.nat(), async ({ lines }, place) => {
        const bytes = Buffer.from(lines.join(''));
        const { firstBroken } = await verify(bytes.subarray(0, place % bytes.length));
        expect(firstBroken).toMatchObject({ kind: 'truncated' });
      }),
      { numRuns: 200 },
    );
  });

  it('a chain computed anew from an altered record on is found through a later checkpoint, never vouched for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(content, { minLength: 6, maxLength: 14 }), fc.nat(), async (contents, place) => {
        const rows = sampleRows(contents);
        const at = place % (rows.length - 3);
        const altered = contents.with(at, {
          ...contents[at],
          members: { ...contents[at]!.members, decision: 'block' },
        });
        const anew = sampleRows(altered);
        const checkpoints = sampleExport(rows, { checkpointEvery: 3, keys: [key] }).filter((line) =>
          line.includes('"checkpoint":'),
        );
        const lines = withCheckpoints(sampleExport(anew), checkpoints);
        const { firstBroken, vouchedTo } = await verify(lines, { keys });
        const seen = Math.ceil((at + 1) / 3) * 3;
        expect(firstBroken).toMatchObject({ seq: seen, part: 'record', kind: 'rewritten' });
        expect(vouchedTo ?? 0).toBe(seen - 3);
        const stripped = await verify(sampleExport(anew), { keys });
        expect(stripped.firstBroken).toMatchObject({ kind: 'unvouched' });
      }),
      { numRuns: 100 },
    );
  });
});

/** The true checkpoints, put where they belong in a forged file. */
function withCheckpoints(lines: string[], checkpoints: string[]): string[] {
  const bySeq = new Map(
    checkpoints.map((line) => [(JSON.parse(line) as { checkpoint: { seq: number } }).checkpoint.seq, line]),
  );
  return lines.flatMap((line) => {
    const checkpoint = bySeq.get(seqOn(line) ?? 0);
    return checkpoint ? [line, checkpoint] : [line];
  });
}

function lineOf({ record, hash, person, personSalt }: SampleRow): string {
  const text = JSON.stringify({
    hash,
    person: person && Object.fromEntries(Object.entries(person).sort()),
    personSalt,
    record,
  });
  return `${text}\n`;
}

/** Which line a byte is in; a line feed belongs to the line that it ends. */
function lineAt(lines: readonly string[], byte: number): number {
  let end = 0;
  return lines.findIndex((line) => {
    end += Buffer.byteLength(line);
    return byte < end;
  });
}

/** The seq of the record that belongs at a line. */
function placeAt(lines: readonly string[], index: number, from: number): number {
  return from + lines.slice(0, index).filter((line) => seqOn(line) !== null).length;
}

function expectNamed(
  fault: NonNullable<VerifyResult['firstBroken']>,
  lines: readonly string[],
  index: number,
  at: number,
): void {
  const line = lines[index]!;
  const lineFeed = lineAt(lines, at + 1) !== index;
  const seq = seqOn(line);
  if (seq !== null) {
    expect(fault).toMatchObject({ seq, kind: 'altered', part: 'record', line: index + 1 });
  } else if (index === lines.length - 1) {
    expect(fault.line).toBe(index + 1);
    expect(['trailer']).toContain(fault.part);
  } else if (lineFeed) {
    // The line that it ran into is damaged as well.
    expect(fault.line).toBe(index + 1);
  } else {
    const part = Object.keys(JSON.parse(line) as object).includes('checkpoint')
      ? 'checkpoint'
      : Object.keys(JSON.parse(line) as object)[0];
    expect(fault).toMatchObject({ part, line: index + 1 });
    expect(['altered', 'signature']).toContain(fault.kind);
  }
}
