import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { closeInTurn, pauseMs } from './restart.ts';

const never = new AbortController().signal;
const indices = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('closeInTurn', () => {
  it('G9: closes each so long after the one before it', async () => {
    const closedAt: number[] = [];
    const started = performance.now();
    // Timers count from the beginning of the event loop's turn, which has to be after this.
    await delay(1);
    await closeInTurn(indices(30), 60, never, (i) => {
      closedAt[i] = performance.now() - started;
    });
    // In whole milliseconds.
    expect(closedAt.filter((at, i) => at < i * 10 - 1)).toEqual([]);
    expect(closedAt).toHaveLength(30);
  });

  it('G9: has time left for the last one, however many there are', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 0, max: 600 }), (connections, seconds) => {
        const pause = pauseMs(connections, seconds);
        expect(pause).toBeLessThanOrEqual(10);
        expect(connections * pause).toBeLessThanOrEqual(seconds * 1000 * 0.7 + 1e-6);
      }),
    );
  });

  it('holds up no close for a slow one, and resolves after the slowest', async () => {
    const closed: number[] = [];
    let finish = () => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const closing = closeInTurn(indices(3), 60, never, async (i) => {
      if (i === 0) await slow;
      closed.push(i);
    });
    while (closed.length < 2) await delay(5);
    expect(closed).toEqual([1, 2]);
    finish();
    await closing;
    expect(closed).toEqual([1, 2, 0]);
  });

  it('closes what is left when the time is over', async () => {
    const deadline = new AbortController();
    const closed: number[] = [];
    const closing = closeInTurn(indices(1000), 600, deadline.signal, (i) => {
      closed.push(i);
      if (closed.length === 1) deadline.abort();
    });
    await closing;
    expect(closed).toHaveLength(1000);
  });
});
