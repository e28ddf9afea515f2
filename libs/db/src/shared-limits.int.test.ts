import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionCounts } from './connection-counts.ts';
import { createDatabase, type Database } from './database.ts';
import { RateBuckets } from './rate-buckets.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

// What all replicas share of limits, with two replicas, each with connections of its own.

let test: TestDatabase;
let replicas: [Database, Database];

beforeAll(async () => {
  test = await createTestDatabase();
  const open = () =>
    createDatabase({ url: test.appUrl, poolSize: 4, applicationName: 'limits-test', connectTimeoutMs: 60_000 });
  replicas = [open(), open()];
});
afterAll(async () => {
  for (const db of replicas) await db.close();
  await test.drop();
});

describe('a bucket that replicas share', () => {
  // So slow that nothing worth counting comes in during a test.
  const limit = { perSecond: 0.0001, burst: 100 };

  it('is full when nobody knows it, and gives no more than it has', async () => {
    const buckets = new RateBuckets(replicas[0]);
    const [first] = await buckets.lease([{ id: 'new', limit, want: 30 }]);
    expect(first).toMatchObject({ granted: 30, left: expect.closeTo(70, 1) });
    const [rest] = await buckets.lease([{ id: 'new', limit, want: 500 }]);
    expect(rest?.granted).toBeCloseTo(70, 1);
    const [none] = await buckets.lease([{ id: 'new', limit, want: 1 }]);
    expect(none?.granted).toBeLessThan(0.1);
  });

  it('gives its tokens once, however many replicas ask for many buckets at the same time, in any order', async () => {
    const both = replicas.map((db) => new RateBuckets(db));
    const ids = Array.from({ length: 8 }, (_, i) => `shared-${i}`);
    const granted = new Map<string, number>();
    const asks = Array.from({ length: 40 }, async (_, n) => {
      const order = n % 2 === 0 ? ids : [...ids].reverse();
      const leases = await (both[n % 2] as RateBuckets).lease(order.map((id) => ({ id, limit, want: 7 })));
      for (const [i, id] of order.entries()) granted.set(id, (granted.get(id) ?? 0) + (leases[i]?.granted ?? 0));
    });
    await Promise.all(asks);
    for (const id of ids) expect(granted.get(id)).toBeCloseTo(100, 0);
  });

  it('fills again at its rate, up to its burst', async () => {
    const buckets = new RateBuckets(replicas[0]);
    await buckets.lease([{ id: 'filling', limit: { perSecond: 10, burst: 100 }, want: 100 }]);
    await replicas[1].system.execute(
      `UPDATE rate_buckets SET updated_at = updated_at - interval '5 seconds' WHERE id = 'filling'`,
    );
    const [some] = await buckets.lease([{ id: 'filling', limit: { perSecond: 10, burst: 100 }, want: 40 }]);
    expect(some?.granted).toBe(40);
    await replicas[1].system.execute(
      `UPDATE rate_buckets SET updated_at = updated_at - interval '1 hour' WHERE id = 'filling'`,
    );
    const [all] = await buckets.lease([{ id: 'filling', limit: { perSecond: 10, burst: 100 }, want: 500 }]);
    expect(all?.granted).toBe(100);
  });
});

describe('the connections that replicas have', () => {
  it('are told to the others, changed and forgotten as the replica says', async () => {
    const [one, two] = replicas.map((db) => new ConnectionCounts(db)) as [ConnectionCounts, ConnectionCounts];
    await one.exchange('one', new Map(Object.entries({ 'org:acme': 5, 'ip:192.0.2.1': 3 })));
    expect(await two.exchange('two', new Map([['org:acme', 2]]))).toEqual(
      new Map(Object.entries({ 'org:acme': 5, 'ip:192.0.2.1': 3 })),
    );
    expect(await one.exchange('one', new Map([['org:acme', 6]]))).toEqual(new Map([['org:acme', 2]]));
    expect(await two.exchange('two', new Map())).toEqual(new Map([['org:acme', 6]]));
    expect(await one.exchange('one', new Map())).toEqual(new Map());
  });

  it('of one that died count no more after a while', async () => {
    const counts = new ConnectionCounts(replicas[0]);
    await counts.exchange('dead', new Map([['org:acme', 9]]));
    expect(await counts.exchange('living', new Map())).toEqual(new Map([['org:acme', 9]]));
    await replicas[1].system.execute(
      `UPDATE connection_counts SET updated_at = now() - interval '1 minute' WHERE replica = 'dead'`,
    );
    expect(await counts.exchange('living', new Map())).toEqual(new Map());
  });
});
