import { GENESIS_HASH, sha256 } from '../hash.ts';
import { type SampleContent, sampleExport, sampleKey, sampleRows } from './sample-export.ts';

/** The key that signs the checkpoints of the vectors. */
export const vectorKey = sampleKey('vectors');

/** A change of the vector file, lines counted from 1, and what a verifier has to say of it. */
export interface VectorCase {
  name: string;
  /** Each line given replaces one of the file; null leaves it out. */
  lines: Record<string, string | null>;
  expected: { kind: string; part: string; seq: number | null; line: number };
}

const DETECTED = { confidence: 0.93, piiDetected: true, reasons: ['email'] };

/** The lines of `docs/vectors/export-v1.ndjson`: each kind of line, and each text that a form of JSON could get wrong. */
export function vectorLines(): string[] {
  const contents: SampleContent[] = [
    { members: { tool: 'web.fetch', scope: 'https://api.example.com', latencyMs: 45, tags: ['production'] } },
    {
      person: { userId: 'user-7', authUserId: 'ana@example.com' },
      members: { usage: { cost: '0.0125', currency: 'USD' } },
    },
    {
      members: {
        tool: 'é \u20ac 😀 \u2028 \u007f',
        reasons: ['"quoted" \\ / \b\f\n\r\t\u0001\u001f'],
        latencyMs: 1e-7,
      },
    },
    { person: { userId: 'erased-since' }, members: { detectorSummary: DETECTED, latencyMs: 333333333.3333333 } },
    {
      members: { direction: 'postcheck', decision: 'redact', policy: { effect: 'flag', matched: ['p1'], version: 3 } },
    },
  ];
  const rows = sampleRows(contents.map((content, i) => ({ ...content, bodyHash: sha256(`body ${i + 1}`) })));
  const stored = rows.map((row) => (row.seq === 4 ? { ...row, person: null, personSalt: null } : row));
  return sampleExport(stored, {
    after: { seq: 0, hash: GENESIS_HASH },
    partSize: 3,
    checkpointEvery: 2,
    keys: [vectorKey],
  });
}

/** The cases of `docs/vectors/export-v1.cases.json`. */
export function vectorCases(lines: readonly string[]): VectorCase[] {
  const bare = lines.map((line) => line.trimEnd());
  const line = (number: number) => bare[number - 1] ?? '';
  const changed = (number: number, from: string, to: string) => ({ [number]: line(number).replace(from, to) });
  const altered = (part: string, seq: number | null, at: number) => ({ kind: 'altered', part, seq, line: at });
  return [
    {
      name: 'a record says something else',
      lines: changed(2, 'web.fetch', 'web.fetcH'),
      expected: altered('record', 1, 2),
    },
    { name: 'a person is another one', lines: changed(3, 'user-7', 'user-8'), expected: altered('record', 2, 3) },
    { name: 'white space was added', lines: changed(2, '"person":', '"person": '), expected: altered('record', 1, 2) },
    {
      name: 'the header begins elsewhere',
      lines: changed(1, '"fromSeq":1', '"fromSeq":2'),
      expected: altered('header', null, 1),
    },
    {
      name: 'the trailer counts otherwise',
      lines: changed(6, '"count":3', '"count":2'),
      expected: altered('trailer', null, 6),
    },
    {
      name: 'a checkpoint is of another time',
      lines: changed(4, '01:00:02', '01:00:03'),
      expected: { kind: 'signature', part: 'checkpoint', seq: 2, line: 4 },
    },
    { name: 'a record is missing', lines: { 5: null }, expected: { kind: 'missing', part: 'record', seq: 3, line: 5 } },
    {
      name: 'two records changed places',
      lines: { 2: line(3), 3: line(2) },
      expected: { kind: 'reordered', part: 'record', seq: 1, line: 2 },
    },
    {
      name: 'a record stands twice',
      lines: { 5: `${line(5)}\n${line(3)}` },
      expected: { kind: 'inserted', part: 'record', seq: 4, line: 6 },
    },
    {
      name: 'the end is missing',
      lines: { 11: null },
      expected: { kind: 'truncated', part: 'trailer', seq: 6, line: 11 },
    },
  ];
}
