import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chainRecord, exportLine, canonicalJson as writersCanonicalJson } from '@governsai/contracts';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';
import { checkpointMessage } from './checkpoint.ts';
import { sha256 } from './hash.ts';
import { publicKeyOf } from './keys.ts';
import type { SignedCheckpoint } from './lines.ts';
import { readLines } from './read-lines.ts';
import { inPieces } from './testing/sample-export.ts';
import { type VectorCase, vectorCases, vectorKey, vectorLines } from './testing/vectors.ts';
import { resultOf, verifyChain } from './verify-chain.ts';

const docs = resolve(import.meta.dirname, '../../../docs');
const [exportFile, casesFile] = [join(docs, 'vectors/export-v1.ndjson'), join(docs, 'vectors/export-v1.cases.json')];
const lines = vectorLines();
const cases = vectorCases(lines);

beforeAll(() => {
  if (process.env.UPDATE_VECTORS !== '1') return;
  writeFileSync(exportFile, lines.join(''));
  const { id, publicKey } = publicKeyOf(vectorKey);
  writeFileSync(casesFile, `${JSON.stringify({ keyId: id, publicKey, vouchedTo: 4, cases }, null, 2)}\n`);
});

/** The vector file with the changes of a case. */
function changed({ lines: changes }: Pick<VectorCase, 'lines'>): string {
  return readFileSync(exportFile, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line, index) => changes[index + 1] ?? (changes[index + 1] === null ? null : line))
    .filter((line) => line !== null)
    .map((line) => `${line}\n`)
    .join('');
}

describe('the vectors for other languages', () => {
  it('are what this package writes (UPDATE_VECTORS=1 writes them anew)', () => {
    expect(readFileSync(exportFile, 'utf8')).toBe(lines.join(''));
    expect(JSON.parse(readFileSync(casesFile, 'utf8'))).toEqual({ ...publicKeyData(), vouchedTo: 4, cases });
  });

  it('are valid, and vouched for by the key', async () => {
    const text = Buffer.from(changed({ lines: {} }));
    const result = await resultOf(verifyChain(readLines(inPieces(text)), { keys: [publicKeyOf(vectorKey)] }));
    expect(result).toMatchObject({ valid: true, checked: 5, erased: 1, vouchedTo: 4 });
  });

  it('hold lines and records of the shapes that the contracts state', () => {
    for (const line of lines) {
      const value = exportLine.parse(JSON.parse(line)) as { record?: string };
      if (value.record !== undefined) expect(chainRecord.strict().parse(JSON.parse(value.record))).toBeDefined();
    }
  });

  it.each(cases.map((item) => [item.name, item] as const))('%s: found as the case says', async (_, item) => {
    const { firstBroken } = await resultOf(verifyChain(readLines(inPieces(Buffer.from(changed(item))))));
    expect(firstBroken).toMatchObject(item.expected);
  });
});

describe('docs/record-format.md', () => {
  const page = readFileSync(join(docs, 'record-format.md'), 'utf8');

  it('shows the first line of the vectors, and hashes that come out when computed anew', () => {
    const [record] = block('text', 0).split('\n');
    const row = JSON.parse(lines[1] ?? '') as { record: string; hash: string };
    expect(record).toBe(row.record);
    expect(page).toContain(`\`${row.hash}\``);
    expect(sha256(record ?? '')).toBe(row.hash);
  });

  it('shows the person hash of the vectors', () => {
    const row = JSON.parse(lines[2] ?? '') as { record: string; person: object; personSalt: string };
    const text = row.personSalt + canonicalJson(row.person);
    expect(page).toContain(text);
    expect(page).toContain(`\`${sha256(text)}\``);
    expect(JSON.parse(row.record)).toMatchObject({ personHash: sha256(text) });
  });

  it('shows the lines that a checkpoint signs', () => {
    const { checkpoint } = JSON.parse(lines[3] ?? '') as SignedCheckpoint;
    expect(`${block('text', 1)}\n`).toBe(checkpointMessage(checkpoint));
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  const ed25519 = spawnSync('python3', ['-c', 'import cryptography']).status === 0;
  const withPython = python ? it : it.skip;
  withPython(
    `holds a Python verifier that agrees with this one${python ? '' : ' (skipped: there is no python3 here)'}`,
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'record-format-'));
      try {
        const script = join(folder, 'verify.py');
        writeFileSync(script, block('python', 0));
        const verdict = (text: string) => {
          const file = join(folder, 'export.ndjson');
          writeFileSync(file, text);
          return spawnSync('python3', [script, file], { encoding: 'utf8' });
        };
        expect(verdict(changed({ lines: {} }))).toMatchObject({ status: 0, stdout: 'valid: 5\n', stderr: '' });
        for (const item of cases) {
          // Without Ed25519 the checksum in the trailer finds the damaged checkpoint later.
          const unsigned = item.expected.kind === 'signature' && !ed25519;
          const line = unsigned ? 6 : item.expected.kind === 'truncated' ? 10 : item.expected.line;
          const { status, stderr } = verdict(changed(item));
          if (item.expected.part === 'header') expect([item.name, status]).toEqual([item.name, 1]);
          else expect([item.name, status, stderr]).toEqual([item.name, 1, expect.stringContaining(`line ${line}:`)]);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    60_000,
  );

  function block(language: string, index: number): string {
    const found = [...page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\\n\`\`\``, 'gs'))][index]?.[1];
    if (found === undefined) throw new Error(`docs/record-format.md has no block ${index} of ${language}`);
    return found;
  }
});

describe('the canonical form', () => {
  it("is the writer's for every JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), (value) => {
        expect(canonicalJson(value)).toBe(writersCanonicalJson(value));
      }),
    );
  });
});

function publicKeyData() {
  const { id, publicKey } = publicKeyOf(vectorKey);
  return { keyId: id, publicKey };
}
