import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('Turns', () => {
  it('gives a turn of the event loop its share and no more; what is left waits for the next', async () => {
    let clock = 0;
    const turns = new Turns(() => clock);
    const done: number[] = [];
    for (let i = 0; i < 7; i++) {
      void turns.run(turns, () => {
        clock += 2;
        done.push(i);
      });
    }
    expect(done).toEqual([]);
    await nextTurn();
    expect(done).toEqual([0, 1, 2]);
    await nextTurn();
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
    await nextTurn();
    expect(done).toHaveLength(7);
  });

  it('lets owners take turns, each in the order it asked', async () => {
    const turns = new Turns(() => 0);
    const [many, few] = [{}, {}];
    const done: string[] = [];
    const asked = ['m1', 'm2', 'm3', 'm4'].map((name) => turns.run(many, () => done.push(name)));
    asked.push(...['f1', 'f2'].map((name) => turns.run(few, () => done.push(name))));
    await Promise.all(asked);
    expect(done).toEqual(['m1', 'f1', 'm2', 'f2', 'm3', 'm4']);
  });

  it('counts what is done at once, and begins anew with the next turn', async () => {
    let clock = 0;
    const turns = new Turns(() => clock);
    turns.timed(() => turns.timed(() => (clock += 4)));
    expect(turns.isSpent).toBe(false);
    turns.timed(() => (clock += 1));
    expect(turns.isSpent).toBe(true);
    await nextTurn();
    expect(turns.isSpent).toBe(false);
  });

  it('tells who asked of a slice that failed, and goes on', async () => {
    const turns = new Turns(() => 0);
    const failing = turns.run(turns, () => {
      throw new Error('broken');
    });
    const next = turns.run(turns, () => 'fine');
    await expect(failing).rejects.toThrow('broken');
    await expect(next).resolves.toBe('fine');
  });
});
