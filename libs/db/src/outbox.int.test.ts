import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDatabase, type Database } from './database.ts';
import { type OutboxRow, OutboxStore, outboxAppend } from './outbox.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
let db: Database;
let store: OutboxStore;

beforeAll(async () => {
  test = await createTestDatabase();
  db = createDatabase({ url: test.appUrl, poolSize: 8, applicationName: 'outbox-test' });
  store = new OutboxStore(db);
});

beforeEach(() => db.system.execute('DELETE FROM outbox'));

afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const event = (n: number) => ({ topic: 'budgets.changed' as const, key: 'acme', value: { n } });
const numbers = (rows: OutboxRow[]) => rows.map((row) => (row.value as { n: number }).n);

function append(from: number, to: number): Promise<void> {
  const events = Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
  return db.transaction([], (tx) => outboxAppend(tx, 'budget-tracker', events));
}

describe('outbox', () => {
  it('hands over events as they were appended, the oldest first, and forgets them once they are published', async () => {
    await append(1, 3);
    await append(4, 5);
    const published: OutboxRow[][] = [];
    const publish = async (rows: OutboxRow[]) => void published.push(rows);
    await expect(store.relay('budget-tracker', 3, publish)).resolves.toBe(3);
    await expect(store.relay('budget-tracker', 3, publish)).resolves.toBe(2);
    await expect(store.relay('budget-tracker', 3, publish)).resolves.toBe(0);
    expect(published.map(numbers)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('keeps topic, key, value and headers', async () => {
    const headers = { traceparent: '00-1-2-01' };
    await db.transaction([], (tx) =>
      outboxAppend(tx, 'auth', [{ ...event(1), value: ['ü', null, { a: 1.5 }], headers }]),
    );
    const seen: OutboxRow[] = [];
    await store.relay('auth', 10, async (rows) => void seen.push(...rows));
    expect(seen).toEqual([
      {
        id: expect.any(Number),
        topic: 'budgets.changed',
        key: 'acme',
        value: ['ü', null, { a: 1.5 }],
        headers,
        createdAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
      },
    ]);
  });

  it('has no event of a transaction that rolled back, nor of another service', async () => {
    await append(1, 1);
    const rolledBack = db.transaction([], async (tx) => {
      await outboxAppend(tx, 'auth', [event(2)]);
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    await expect(store.relay('auth', 10, () => Promise.resolve())).resolves.toBe(0);
  });

  it('keeps everything when publishing fails', async () => {
    await append(1, 2);
    await expect(store.relay('budget-tracker', 10, () => Promise.reject(new Error('Kafka is down')))).rejects.toThrow(
      'Kafka is down',
    );
    const seen: number[] = [];
    await store.relay('budget-tracker', 10, async (rows) => void seen.push(...numbers(rows)));
    expect(seen).toEqual([1, 2]);
  });

  it('lets one relay of a service publish at a time, and those of other services meanwhile', async () => {
    await append(1, 1);
    await db.transaction([], (tx) => outboxAppend(tx, 'auth', [event(9)]));
    await store.relay('budget-tracker', 10, async () => {
      await expect(store.relay('budget-tracker', 10, () => Promise.reject(new Error('two at once')))).resolves.toBe(0);
      await expect(store.relay('auth', 10, () => Promise.resolve())).resolves.toBe(1);
    });
  });

  it('publishes each event exactly once, in order, under many relays and writers', async () => {
    const seen: number[] = [];
    let writing = true;
    const relay = async () => {
      while (writing || (await db.system.query('SELECT 1 FROM outbox LIMIT 1')).length > 0) {
        await store.relay('budget-tracker', 7, async (rows) => void seen.push(...numbers(rows)));
      }
    };
    const relays = [relay(), relay(), relay()];
    for (let n = 0; n < 100; n += 5) await append(n, n + 4);
    writing = false;
    await Promise.all(relays);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('publishes an event that commits after a later one was published', async () => {
    const seen: number[] = [];
    const relay = () => store.relay('budget-tracker', 10, async (rows) => void seen.push(...numbers(rows)));
    await db.transaction([], async (tx) => {
      await outboxAppend(tx, 'budget-tracker', [event(1)]);
      await append(2, 2);
      await relay();
    });
    await relay();
    expect(seen).toEqual([2, 1]);
  });
});
