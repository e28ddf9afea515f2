import { describe, expect, it } from '@jest/globals';
import { limited } from './limiter.ts';

describe('limited', () => {
  it('never runs more than the limit, runs all, in order, failures included', async () => {
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const work = limited(3, async (item: number) => {
      most = Math.max(most, ++running);
      order.push(item);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (item % 2) throw new Error('odd');
      return item;
    });
    const results = await Promise.allSettled([...Array(20).keys()].map((item) => work(item)));
    expect(most).toBe(3);
    expect(order).toEqual([...Array(20).keys()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
  });
});
