import { frameText } from '@governsai/socket';
import { describe, expect, it } from '@jest/globals';
import { PageReader } from './page-reader.ts';
import { framedPush } from './ring.ts';

const push = (seq: number) => framedPush(seq, frameText(String(seq)));
const seqs = (pushes: readonly { seq: number }[]) => pushes.map(({ seq }) => seq);

function setup(stored: { last: number }, maxBytes = 100_000) {
  const loads: string[] = [];
  const reader = new PageReader<string>(
    async (key, afterSeq, toSeq) => {
      loads.push(`${key} ${afterSeq}-${toSeq}`);
      const last = stored.last;
      await new Promise((resolve) => setImmediate(resolve));
      const found = [];
      for (let seq = afterSeq + 1; seq <= Math.min(toSeq, last); seq++) found.push(push(seq));
      return found;
    },
    (key) => key,
    maxBytes,
    4,
  );
  return { reader, loads };
}

describe('PageReader', () => {
  it('shares one read among all who resume from near each other, and keeps a full page', async () => {
    const { reader, loads } = setup({ last: 10 });
    const pages = await Promise.all([reader.after('a', 4), reader.after('a', 5), reader.after('a', 7)]);
    expect(pages.map(seqs)).toEqual([[5, 6, 7, 8], [6, 7, 8], [8]]);
    expect(seqs(await reader.after('a', 6))).toEqual([7, 8]);
    expect(loads).toEqual(['a 4-8']);
  });

  it('keeps a page that is not full too, and reads it again for what lies behind its end', async () => {
    const stored = { last: 6 };
    const { reader, loads } = setup(stored);
    for (let i = 0; i < 5; i++) expect(seqs(await reader.after('a', 4))).toEqual([5, 6]);
    expect(loads).toHaveLength(1);
    stored.last = 7;
    expect(seqs(await reader.after('a', 6))).toEqual([7]);
    expect(seqs(await reader.after('a', 5))).toEqual([6, 7]);
    expect(loads).toHaveLength(2);
    expect(seqs(await reader.after('a', 7))).toEqual([]);
    expect(loads).toHaveLength(3);
  });

  it('never mixes keys', async () => {
    const { reader, loads } = setup({ last: 10 });
    await Promise.all([reader.after('a', 0), reader.after('b', 0)]);
    expect(loads).toEqual(['a 0-4', 'b 0-4']);
  });

  it('keeps no more than it may', async () => {
    const { reader, loads } = setup({ last: 100 }, 15);
    await reader.after('a', 0);
    await reader.after('a', 4);
    await reader.after('a', 0);
    expect(loads).toEqual(['a 0-4', 'a 4-8', 'a 0-4']);
  });

  it('tells every reader of a failed read and forgets it', async () => {
    let isDown = true;
    const reader = new PageReader<string>(
      async () => {
        if (isDown) throw new Error('down');
        return [push(1)];
      },
      (key) => key,
      1000,
    );
    const results = await Promise.allSettled([reader.after('a', 0), reader.after('a', 0)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isDown = false;
    expect(seqs(await reader.after('a', 0))).toEqual([1]);
  });
});
