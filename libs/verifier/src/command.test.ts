import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runCommand } from './command.ts';
import { publicKeyOf } from './keys.ts';
import { inPieces, sampleExport, sampleKey, sampleRows } from './testing/sample-export.ts';

const folder = mkdtempSync(join(tmpdir(), 'verify-'));
afterAll(() => rmSync(folder, { recursive: true }));

const key = sampleKey('command');
const rows = sampleRows([{ person: { userId: 'u' } }, {}, {}]);
const lines = sampleExport(rows, { checkpointEvery: 2, keys: [key] });
const file = written('file.ndjson', lines.join(''));
const pem = written('key.pem', createPublicKey(key).export({ format: 'pem', type: 'spki' }) as string);

function written(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function run(args: string[], input = '') {
  let [out, err] = ['', ''];
  const code = await runCommand(args, {
    stdin: inPieces(Buffer.from(input)),
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

describe('governsai-verify', () => {
  it('exits 0 for a whole file and says how far the key vouches', async () => {
    const { code, out } = await run(['verify', file, '--key', pem]);
    expect(code).toBe(0);
    expect(out).toContain('VALID\nOrg acme: 3 records, seq 1 to 3');
    expect(out).toContain('vouches for every record up to seq 2. No checkpoint covers the 1 after it yet.');
  });

  it('says without a key that nobody vouches for the end', async () => {
    const { code, out } = await run([file]);
    expect(code).toBe(0);
    expect(out).toContain('nobody vouches for its end');
  });

  it('exits 1 for a broken file and names line and record', async () => {
    const broken = written('broken.ndjson', lines.join('').replace('key-2', 'key-3'));
    const { code, out } = await run([broken, '--key', publicKeyOf(key).publicKey]);
    expect(code).toBe(1);
    expect(out).toContain('BROKEN\nLine 3, record 2: altered.');
  });

  it('prints the result as one line of JSON', async () => {
    const { code, out } = await run([file, '--json', '--key', pem, '--until', '3']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      valid: false,
      checked: 3,
      vouchedTo: 2,
      firstBroken: { kind: 'unvouched' },
    });
    expect(out.split('\n')).toHaveLength(2);
  });

  it('reads standard input, gzip, and several files one behind the other', async () => {
    expect((await run(['-'], lines.join(''))).code).toBe(0);
    expect((await run([written('file.ndjson.gz', gzipSync(lines.join('')))])).code).toBe(0);
    const more = sampleExport(sampleRows([{}], { after: { seq: 3, hash: rows[2]!.hash } }), {
      after: { seq: 3, hash: rows[2]!.hash },
    });
    const { code, out } = await run([file, written('more.ndjson', more.join(''))]);
    expect(code).toBe(0);
    expect(out).toContain('4 records, seq 1 to 4');
  });

  it.each([
    ['no file', [], 'name the file'],
    ['a file that is not there', [join(folder, 'none')], 'no such file'],
    ['a folder', [folder], 'EISDIR'],
    ['an unknown option', [file, '--all'], '--all'],
    ['a key that is none', [file, '--key', file], 'Ed25519 public key as PEM'],
    ['a key file that is not there', [file, '--key', join(folder, 'none.pem')], 'no such file'],
    ['--until without a key', [file, '--until', '3'], 'needs --key'],
    ['--until without a number', [file, '--key', pem, '--until', 'x'], 'takes a seq'],
  ])('exits 2 for %s and says why', async (_, args, message) => {
    const { code, out, err } = await run(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  it('explains itself', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    expect(out).toContain('Exit code: 0 valid, 1 broken, 2 wrong usage or unreadable.');
  });
});
