import type { Principal } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { describe, expect, it } from '@jest/globals';
import { networkOf } from './admission-limits.ts';
import { ConnectionCaps, type SharedCounts, TooManyConnections } from './connection-caps.ts';

const log = createLogger('test', 'silent');
const caps = { key: 20, org: 30, address: 40 };
const principal = (keyId: string, orgId = 'acme'): Principal => ({
  kind: 'apiKey',
  orgId,
  userId: null,
  keyId,
  scopes: [],
  expiresAt: null,
});

/** What all replicas have told, as PostgreSQL keeps it. */
class Told implements SharedCounts {
  readonly #of = new Map<string, ReadonlyMap<string, number>>();
  away = false;

  async exchange(replica: string, own: ReadonlyMap<string, number>) {
    if (this.away) throw new Error('away');
    this.#of.set(replica, new Map(own));
    const others = new Map<string, number>();
    for (const [name, counts] of this.#of) {
      if (name !== replica) for (const [bucket, count] of counts) others.set(bucket, count + (others.get(bucket) ?? 0));
    }
    return others;
  }
}
const replica = (shared: SharedCounts, name: string) => new ConnectionCaps({ caps, shared, replica: name, log });
const openMany = (open: () => () => void): (() => void)[] => {
  const opened: (() => void)[] = [];
  try {
    for (;;) opened.push(open());
  } catch (error) {
    expect(error).toBeInstanceOf(TooManyConnections);
    return opened;
  }
};

describe('connections', () => {
  it('are capped by key, by org and by address', () => {
    const one = replica(new Told(), 'one');
    expect(openMany(() => one.openOf(principal('a')))).toHaveLength(20);
    expect(openMany(() => one.openOf(principal('b')))).toHaveLength(10);
    expect(openMany(() => one.openOf(principal('a', 'globex')))).toHaveLength(20);
    expect(openMany(() => one.openFrom('192.0.2.1'))).toHaveLength(40);
  });

  it('that closed make room, once each', () => {
    const one = replica(new Told(), 'one');
    const [first] = openMany(() => one.openOf(principal('a')));
    first?.();
    first?.();
    expect(openMany(() => one.openOf(principal('a')))).toHaveLength(1);
  });

  it('are counted together with those of the other replicas', async () => {
    const shared = new Told();
    const [one, two] = [replica(shared, 'one'), replica(shared, 'two')];
    for (let i = 0; i < 12; i++) one.openOf(principal('a'));
    await one.exchange();
    await two.exchange();
    expect(openMany(() => two.openOf(principal('a')))).toHaveLength(8);
    await one.stop();
    await two.exchange();
    expect(openMany(() => two.openOf(principal('a')))).toHaveLength(12);
  });

  it('G8: are counted by each replica alone while they cannot be told', async () => {
    const shared = new Told();
    shared.away = true;
    const one = replica(shared, 'one');
    await one.exchange();
    expect(openMany(() => one.openOf(principal('a')))).toHaveLength(20);
  });
});

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s is counted as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
