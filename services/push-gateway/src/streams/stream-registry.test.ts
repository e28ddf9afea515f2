import { frameText } from '@governsai/socket';
import { describe, expect, it } from '@jest/globals';
import { framedPush } from './ring.ts';
import { StreamRegistry } from './stream-registry.ts';
import type { Subscriber } from './subscription.ts';
import { Turns } from './turns.ts';

const socket: Subscriber = {
  isOpen: true,
  bufferedBytes: 0,
  sendFramed: () => {},
  drained: async () => true,
  close: () => {},
};

function setup() {
  let now = 0;
  const heads: string[] = [];
  const registry = new StreamRegistry({
    ringBytes: 1000,
    totalRingBytes: 10_000,
    slowMs: 100,
    turns: new Turns(() => performance.now()),
    onReadFailure: () => {},
    pause: async () => {},
    now: () => now,
    sourceOf: (orgId, name) => ({
      head: async () => {
        heads.push(`${orgId}/${name}`);
        return { lastSeq: 0, firstSeq: 1 };
      },
      after: async () => [],
    }),
  });
  const pass = (ms: number) => {
    now += ms;
    registry.sweep();
  };
  return { registry, pass, heads };
}

describe('StreamRegistry', () => {
  it('has only what somebody asked for, by org and name', () => {
    const { registry } = setup();
    const stream = registry.get('acme', 'user-1');
    expect(registry.get('acme', 'user-1')).toBe(stream);
    expect(registry.has('acme')).toBe(true);
    expect(registry.has('globex')).toBe(false);
    expect(registry.find('acme')).toBeUndefined();
    expect(registry.find('acme', 'user-1')).toBe(stream);
  });

  it('keeps a stream for a while after its last subscriber, and one in use for ever', async () => {
    const { registry, pass } = setup();
    const subscription = await registry.get('acme').subscribe(socket, null);
    pass(1_000_000);
    expect(registry.has('acme')).toBe(true);
    subscription.end();
    pass(0);
    pass(59_000);
    expect(registry.has('acme')).toBe(true);
    pass(2000);
    expect(registry.has('acme')).toBe(false);
  });

  it('begins the while anew when the stream is used again', async () => {
    const { registry, pass } = setup();
    const stream = registry.get('acme');
    pass(0);
    pass(59_000);
    const subscription = await stream.subscribe(socket, null);
    pass(0);
    subscription.end();
    pass(0);
    pass(59_000);
    expect(registry.find('acme')).toBe(stream);
  });

  it('checks each stream once when all partitions are reset at the same time', async () => {
    const { registry, heads } = setup();
    await registry.get('acme').subscribe(socket, null);
    await registry.get('acme', 'user-1').subscribe(socket, null);
    heads.length = 0;
    for (let partition = 0; partition < 6; partition++) registry.recheck();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(heads).toEqual(['acme/', 'acme/user-1']);
  });

  it('shares the memory for recent pushes among many streams', async () => {
    const { registry } = setup();
    const first = registry.get('org-0');
    (await first.subscribe(socket, null)).start(() => {});
    for (let i = 1; i < 20; i++) registry.get(`org-${i}`);
    first.receive(framedPush(1, frameText('x'.repeat(400))));
    first.receive(framedPush(2, frameText('x'.repeat(400))));
    expect(first.recent(1)).toBeUndefined();
    expect(first.recent(2)?.seq).toBe(2);
  });
});
