import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planSequence } from './sequence.ts';

const place = (seq: number, orgId = 'acme') => ({ orgId, seq });
const seqs = (items: readonly { seq: number }[]) => items.map(({ seq }) => seq);

describe('plan by seq', () => {
  it('drops what was counted, takes what follows, once and in order', () => {
    const plan = planSequence(
      new Map([['acme', 2]]),
      [4, 1, 3, 3, 2, 4].map((seq) => place(seq)),
      10,
    );
    expect(seqs(plan.seen)).toEqual([1, 2]);
    expect(seqs(plan.fresh)).toEqual([3, 4]);
    expect(plan.holes).toEqual([]);
    expect(plan.reach).toEqual(new Map([['acme', 4]]));
  });

  it('names the holes before and between', () => {
    const plan = planSequence(new Map(), [place(3), place(4), place(7), place(2, 'globex')], 10);
    expect(plan.holes).toEqual([
      { orgId: 'acme', from: 1, to: 2 },
      { orgId: 'acme', from: 5, to: 6 },
      { orgId: 'globex', from: 1, to: 1 },
    ]);
    expect(plan.reach).toEqual(
      new Map([
        ['acme', 7],
        ['globex', 2],
      ]),
    );
  });

  it('catches up in steps when holes are many', () => {
    const arrivals = [place(10), place(11)];
    const first = planSequence(new Map(), arrivals, 6);
    expect(first.holes).toEqual([{ orgId: 'acme', from: 1, to: 6 }]);
    expect(seqs(first.left)).toEqual([10, 11]);
    const second = planSequence(first.reach, first.left, 6);
    expect(second.holes).toEqual([{ orgId: 'acme', from: 7, to: 9 }]);
    expect(seqs(second.fresh)).toEqual([10, 11]);
  });

  it('G5: takes each seq up to the last exactly once, whatever arrives in whatever steps', () => {
    const arrivals = fc.array(
      fc.record({ orgId: fc.constantFrom('acme', 'globex'), seq: fc.integer({ min: 1, max: 40 }) }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(arrivals, fc.nat({ max: 20 }), fc.integer({ min: 1, max: 15 }), (all, start, maxHoles) => {
        let cursors = new Map([
          ['acme', start],
          ['globex', 0],
        ]);
        const taken = new Map<string, number[]>([
          ['acme', []],
          ['globex', []],
        ]);
        for (let pending = all, steps = 0; pending.length > 0; steps++) {
          expect(steps).toBeLessThan(200);
          const plan = planSequence(cursors, pending, maxHoles);
          for (const { orgId, seq } of plan.fresh) taken.get(orgId)?.push(seq);
          for (const { orgId, from, to } of plan.holes) {
            for (let seq = from; seq <= to; seq++) taken.get(orgId)?.push(seq);
          }
          cursors = new Map([...cursors, ...plan.reach]);
          pending = plan.left;
        }
        for (const [orgId, found] of taken) {
          const from = orgId === 'acme' ? start : 0;
          const last = Math.max(from, ...seqs(all.filter((one) => one.orgId === orgId)));
          const expected = Array.from({ length: last - from }, (_, index) => from + index + 1);
          expect(found.sort((a, b) => a - b)).toEqual(expected);
          expect(cursors.get(orgId)).toBe(last);
        }
      }),
    );
  });
});
