import { frameText } from '@governsai/socket';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { framedPush, Ring } from './ring.ts';

const push = (seq: number, length = 98) => framedPush(seq, frameText('x'.repeat(length)));

describe('Ring', () => {
  it('keeps the latest pushes that fit, and always the last', () => {
    const ring = new Ring(() => 300);
    for (let seq = 5; seq <= 9; seq++) ring.add(push(seq));
    expect([5, 6, 7, 8, 9, 10].map((seq) => ring.get(seq)?.seq)).toEqual([undefined, undefined, 7, 8, 9, undefined]);
    ring.add(push(10, 1000));
    expect([9, 10].map((seq) => ring.get(seq)?.seq)).toEqual([undefined, 10]);
  });

  it('is empty after clear and begins anywhere', () => {
    const ring = new Ring(() => 300);
    ring.add(push(1));
    ring.clear();
    expect(ring.get(1)).toBeUndefined();
    ring.add(push(100));
    expect(ring.get(100)?.seq).toBe(100);
  });

  it('gives every kept push and no other, whatever the sizes and limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ length: fc.nat(120), limit: fc.nat(5000) }), { maxLength: 1500, size: 'max' }),
        (steps) => {
          let limit = 0;
          const ring = new Ring(() => limit);
          const bytes: number[] = [];
          steps.forEach((step, i) => {
            limit = step.limit;
            const added = push(i + 1, step.length);
            ring.add(added);
            bytes.push(added.frame.frame.length);
          });
          let kept = 0;
          while (ring.get(steps.length - kept)) kept++;
          const sum = bytes.slice(bytes.length - kept).reduce((a, b) => a + b, 0);
          if (kept > 1) expect(sum).toBeLessThanOrEqual(limit);
          const seqs = Array.from({ length: steps.length + 2 }, (_, seq) => seq);
          const expected = seqs.map((seq) => (seq > steps.length - kept && seq <= steps.length ? seq : undefined));
          expect(seqs.map((seq) => ring.get(seq)?.seq)).toEqual(expected);
        },
      ),
      { numRuns: 20 },
    );
  });
});
