import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { OutboxRelay, type OutboxRow, type OutboxSource } from './outbox-relay.ts';
import { auditRecord, until } from './test-records.ts';
import { createTestKafka, type TestKafka } from './testing.ts';

/** Rows in memory, under the contract of `OutboxSource`: deleted after `publish` resolved, one caller at a time. */
class MemoryOutbox implements OutboxSource {
  readonly rows: OutboxRow[] = [];
  #busy = false;

  async relay(
    _service: string,
    limit: number,
    publish: (rows: readonly OutboxRow[]) => Promise<void>,
  ): Promise<number> {
    if (this.#busy) return 0;
    this.#busy = true;
    try {
      const rows = this.rows.slice(0, limit);
      await publish(rows);
      this.rows.splice(0, rows.length);
      return rows.length;
    } finally {
      this.#busy = false;
    }
  }
}

let test: TestKafka;

beforeAll(async () => {
  test = await createTestKafka();
});
afterEach(() => test.heal());
afterAll(() => test.drop());

const row = (id: string): OutboxRow => ({
  topic: 'audit.recorded',
  key: 'acme',
  value: auditRecord(id),
  headers: { traceparent: `00-${'1'.repeat(32)}-b7ad6b7169203331-01` },
});

describe('OutboxRelay', () => {
  it('sends the rows in order with their headers, through an outage, and deletes them when confirmed', async () => {
    const store = new MemoryOutbox();
    const producer = test.kafka.producer({ sendTimeoutMs: 500 });
    const health: (Error | null)[] = [];
    const relay = new OutboxRelay({
      store,
      producer,
      service: 'auth',
      log: pino({ level: 'silent' }),
      pollMs: 60_000,
      limit: 7,
      health: (error) => health.push(error),
    });
    const sent = Array.from({ length: 20 }, (_, n) => `row-${n}`);
    store.rows.push(...sent.map(row));
    test.cut();
    relay.start();
    await until('a failure is told', () => health.length > 0);
    expect(store.rows).toHaveLength(20);
    test.heal();
    await until('health is good', () => health.at(-1) === null);
    await until('the outbox is empty', () => store.rows.length === 0);
    // Nothing polls for a minute: only wake() can make this one leave.
    store.rows.push(row('woken'));
    relay.wake();
    await until('the woken row left', () => store.rows.length === 0);
    await relay.stop();
    await producer.close();
    const stored = await test.readAll('audit.recorded');
    expect(stored.map((message) => JSON.parse(message.value.toString()).id)).toEqual([...sent, 'woken']);
    expect(stored[0]!.headers).toMatchObject(row('x').headers!);
  });
});
