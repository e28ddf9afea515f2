import { describe, expect, it } from '@jest/globals';
import { Inbox } from './inbox.ts';

function setup() {
  const begun: number[] = [];
  const finish: (() => void)[] = [];
  const paused: boolean[] = [];
  const inbox = new Inbox<number>(
    (item) => {
      begun.push(item);
      return new Promise((resolve) => finish.push(resolve));
    },
    (value) => paused.push(value),
  );
  return { inbox, begun, finish, paused };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Inbox', () => {
  it('hands messages on in order and does not wait for one to hand on the next', () => {
    const { inbox, begun } = setup();
    for (const item of [1, 2, 3]) inbox.push(item, 10);
    expect(begun).toEqual([1, 2, 3]);
  });

  it('keeps messages while it is held and hands them on after', () => {
    const { inbox, begun } = setup();
    inbox.hold();
    inbox.push(1, 10);
    expect(begun).toEqual([]);
    inbox.release();
    expect(begun).toEqual([1]);
  });

  it('pauses the socket at 256 messages and resumes at half, with nothing lost', async () => {
    const { inbox, begun, finish, paused } = setup();
    for (let i = 0; i < 300; i++) inbox.push(i, 1);
    expect(paused).toEqual([true]);
    expect(begun).toHaveLength(256);
    while (begun.length < 300 || finish.length > 0) {
      finish.shift()?.();
      await turn();
    }
    expect(paused).toEqual([true, false]);
    expect(begun).toEqual([...Array(300).keys()]);
  });

  it('pauses the socket when a megabyte waits', () => {
    const { inbox, paused } = setup();
    inbox.hold();
    inbox.push(1, 600_000);
    inbox.push(2, 600_000);
    expect(paused).toEqual([true]);
    inbox.release();
    expect(paused).toEqual([true, false]);
  });

  it('is idle once nothing waits and nothing is being handled', async () => {
    const { inbox, finish } = setup();
    let idle = false;
    inbox.push(1, 1);
    void inbox.idle().then(() => {
      idle = true;
    });
    await turn();
    expect(idle).toBe(false);
    finish[0]?.();
    await turn();
    expect(idle).toBe(true);
  });

  it('forgets what waits when the connection is refused', () => {
    const { inbox, begun } = setup();
    inbox.hold();
    inbox.push(1, 1);
    inbox.discard();
    inbox.release();
    expect(begun).toEqual([]);
  });
});
