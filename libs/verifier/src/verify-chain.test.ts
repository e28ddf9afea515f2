import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { publicKeyOf } from './keys.ts';
import { readLines } from './read-lines.ts';
import { inPieces, sampleExport, sampleKey, sampleRows } from './testing/sample-export.ts';
import { resultOf, type VerifyOptions, type VerifyResult, verifyChain } from './verify-chain.ts';

const [key, other] = [sampleKey('one'), sampleKey('two')];
const rows = sampleRows([{ person: { userId: 'u' } }, {}, { members: { tool: 'é\u2028' } }, {}, {}]);

function verify(bytes: Uint8Array | readonly string[], options: VerifyOptions = {}, piece = 7): Promise<VerifyResult> {
  const whole = bytes instanceof Uint8Array ? bytes : Buffer.from(bytes.join(''));
  return resultOf(verifyChain(readLines(inPieces(whole, piece)), options));
}

describe('an export', () => {
  it('without records is valid', async () => {
    expect(await verify(sampleExport([]))).toMatchObject({ valid: true, checked: 0, firstSeq: null, lastSeq: null });
  });

  it('in which every person is erased is valid and says so', async () => {
    const erased = rows.map((row) => ({ ...row, person: null, personSalt: null }));
    expect(await verify(sampleExport(erased))).toMatchObject({ valid: true, erased: 1 });
  });

  it('from which somebody else removed a person is not what was exported', async () => {
    const lines = sampleExport(rows);
    lines[1] = lines[1]!.replace(/"person":\{[^}]*\},"personSalt":"[^"]*"/, '"person":null,"personSalt":null');
    expect((await verify(lines)).firstBroken).toMatchObject({ part: 'trailer', kind: 'altered' });
  });

  it('is read compressed, and a part of the compressed file is not enough', async () => {
    const packed = gzipSync(sampleExport(rows).join(''));
    expect(await verify(packed)).toMatchObject({ valid: true, checked: 5 });
    expect((await verify(packed.subarray(0, -1))).firstBroken).toMatchObject({ kind: 'truncated' });
    expect((await verify(packed.subarray(0, 1))).valid).toBe(false);
    const damaged = Buffer.from(packed);
    damaged[damaged.length - 6]! ^= 1;
    expect((await verify(damaged)).valid).toBe(false);
  });

  it('is vouched for up to the last checkpoint of a given key', async () => {
    const lines = sampleExport(rows, { checkpointEvery: 2, keys: [key] });
    expect(await verify(lines, { keys: [publicKeyOf(key)] })).toMatchObject({
      valid: true,
      vouchedTo: 4,
      checkpoints: 2,
    });
    expect(await verify(lines)).toMatchObject({ valid: true, vouchedTo: null, otherKeys: [publicKeyOf(key).id] });
  });

  it('is not valid with a key that vouches for nothing, or not far enough', async () => {
    const lines = sampleExport(rows, { checkpointEvery: 2, keys: [key] });
    const strange = await verify(lines, { keys: [publicKeyOf(other)] });
    expect(strange).toMatchObject({ valid: false, firstBroken: { kind: 'unvouched', seq: 1 } });
    expect(strange.firstBroken?.message).toContain(publicKeyOf(key).id);
    const options = { keys: [publicKeyOf(key)] };
    expect(await verify(lines, { ...options, until: 4 })).toMatchObject({ valid: true });
    expect(await verify(lines, { ...options, until: 5 })).toMatchObject({ firstBroken: { kind: 'unvouched', seq: 5 } });
  });

  it('holds checkpoints of both keys while one takes over from the other', async () => {
    const lines = sampleExport(rows, { checkpointEvery: 2, keys: [key, other] });
    expect(await verify(lines, { keys: [publicKeyOf(other)] })).toMatchObject({
      valid: true,
      vouchedTo: 4,
      checkpoints: 4,
    });
  });

  it('that was pruned begins with the checkpoint behind which it was', async () => {
    const after = { seq: 2, hash: rows[1]!.hash };
    const lines = sampleExport(rows.slice(2), { after, checkpointEvery: 2, keys: [key] });
    expect(await verify(lines, { keys: [publicKeyOf(key)] })).toMatchObject({ valid: true, firstSeq: 3, vouchedTo: 4 });
    expect(lines[1]).toContain('"checkpoint":');
  });

  it('that broke off is resumed behind its last trailer', async () => {
    const first = sampleExport(rows, { partSize: 2 });
    const kept = first.slice(0, first.findLastIndex((line) => line.includes('"more":true')) + 1);
    expect((await verify(kept)).firstBroken).toMatchObject({ kind: 'truncated', seq: 5 });
    const rest = sampleExport(rows.slice(4), { after: { seq: 4, hash: rows[3]!.hash } });
    expect(await verify([...kept, ...rest])).toMatchObject({ valid: true, checked: 5 });
  });

  it('goes on behind a complete one, and with nothing else', async () => {
    const day1 = sampleExport(rows.slice(0, 3));
    const day2 = sampleExport(rows.slice(3), { after: { seq: 3, hash: rows[2]!.hash } });
    expect(await verify([...day1, ...day2])).toMatchObject({ valid: true, checked: 5 });
    const day3 = sampleExport(rows.slice(4), { after: { seq: 4, hash: rows[3]!.hash } });
    expect((await verify([...day1, ...day3])).firstBroken).toMatchObject({ kind: 'inserted', seq: 4 });
    expect((await verify([...day1, ...day1])).firstBroken).toMatchObject({ kind: 'inserted', seq: 4 });
  });

  it('tells the part that is missing between two others', async () => {
    const lines = sampleExport(rows, { partSize: 1 });
    expect((await verify(lines.toSpliced(3, 3))).firstBroken).toMatchObject({
      kind: 'missing',
      seq: 2,
      part: 'record',
    });
  });

  it('of another version is refused with what to do', async () => {
    const lines = sampleExport(rows).map((line) => line.replace('"v":1}}', '"v":2}}'));
    expect((await verify(lines)).firstBroken).toMatchObject({
      part: 'header',
      message: expect.stringContaining('newer'),
    });
  });

  it('that nests without end is a fault, not a crash', async () => {
    const deep = `{"record":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n`;
    expect((await verify([...sampleExport(rows).slice(0, 2), deep], {}, 65_536)).firstBroken).toMatchObject({
      line: 3,
    });
  });

  it('with a line that does not end is a fault within bounded memory', async () => {
    async function* endless(): AsyncGenerator<Uint8Array, void, void> {
      for (;;) yield Buffer.alloc(1024 * 1024, 'x');
    }
    const result = await resultOf(verifyChain(readLines(endless())));
    expect(result.firstBroken).toMatchObject({ kind: 'altered', line: 1 });
  });

  it('whose source fails is an error, not a verdict', async () => {
    async function* failing(): AsyncGenerator<Uint8Array, void, void> {
      yield Buffer.from(sampleExport(rows)[0]!);
      throw new Error('disk gone');
    }
    await expect(resultOf(verifyChain(readLines(failing())))).rejects.toThrow('disk gone');
  });

  it('tells how far it is', async () => {
    const told: number[] = [];
    const lines = readLines(inPieces(Buffer.from(sampleExport(rows).join(''))));
    await resultOf(verifyChain(lines, { progressEvery: 2 }), ({ checked }) => told.push(checked));
    expect(told).toEqual([2, 4]);
  });
});
