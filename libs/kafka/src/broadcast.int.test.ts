import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { auditRecord, until } from './test-records.ts';
import { createTestKafka, type TestKafka } from './testing.ts';
import type { Broadcast, BroadcastHandler, Producer } from './types.ts';

const TOPIC = 'audit.recorded';

let test: TestKafka;
let producer: Producer;
let broadcasts: Broadcast[] = [];
let resets: string[] = [];

beforeAll(async () => {
  test = await createTestKafka();
});
beforeEach(() => {
  producer = test.kafka.producer();
  resets = [];
});
afterEach(async () => {
  test.heal();
  await Promise.all(broadcasts.map((broadcast) => broadcast.stop()));
  broadcasts = [];
  await producer.close();
});
afterAll(() => test.drop());

function listen(handler: BroadcastHandler, options: { sessionTimeoutMs?: number } = {}): Broadcast {
  const broadcast = test.kafka.broadcast({
    topics: [TOPIC, 'access.changed'],
    replicaId: 'replica-1',
    handlers: { [TOPIC]: handler, 'access.changed': () => {} },
    onReset: (topic, partition) => resets.push(`${topic}/${partition}`),
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
  broadcasts.push(broadcast);
  return broadcast;
}

const idOf = (value: Buffer): string => JSON.parse(value.toString()).id;
const send = (id: string, key = 'acme') => producer.send(TOPIC, { key, value: auditRecord(id) });

describe('broadcast', () => {
  it('begins at the end, and misses nothing sent after start resolved', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => send(`before-${n}`, `org-${n}`)));
    for (let round = 0; round < 3; round++) {
      const seen: string[] = [];
      const broadcast = listen((message) => {
        seen.push(idOf(message.rawValue));
      });
      await broadcast.start();
      const sent = Array.from({ length: 20 }, (_, n) => `round-${round}-${n}`);
      await Promise.all(sent.map((id, n) => send(id, `org-${n}`)));
      await until('all messages', () => seen.length >= sent.length);
      expect([...seen].sort()).toEqual([...sent].sort());
      await broadcast.stop();
    }
    expect(resets).toEqual([]);
  });

  it('every replica gets every message, in order per partition, with key and headers', async () => {
    const seen: [string[], string[]] = [[], []];
    const [first, second] = seen.map((list) =>
      listen(async (message) => {
        await new Promise((resolve) => setImmediate(resolve));
        expect(message.key).toBe('acme');
        expect(message.headers.schema).toBe('audit.recorded.v1');
        list.push(idOf(message.rawValue));
      }),
    );
    await Promise.all([first!.start(), second!.start()]);
    const sent = Array.from({ length: 100 }, (_, n) => `all-${n}`);
    await Promise.all(sent.map((id) => send(id)));
    await until('both have all', () => seen.every((list) => list.length >= sent.length));
    expect(seen).toEqual([sent, sent]);
  });

  it('removes its group on stop', async () => {
    const broadcast = listen(() => {});
    await broadcast.start();
    const [group] = await test.groups();
    expect(group).toMatch(/replica-1-[0-9a-f]{12}$/);
    await broadcast.stop();
    expect(await test.groups()).toEqual([]);
  });

  it('a failing handler is tried again, then skipped, and the reader is told', async () => {
    const seen: string[] = [];
    const tries: string[] = [];
    const broadcast = listen((message) => {
      const id = idOf(message.rawValue);
      tries.push(id);
      if (id === 'never' || (id === 'once' && tries.filter((tried) => tried === id).length === 1)) throw new Error(id);
      seen.push(id);
    });
    await broadcast.start();
    await Promise.all(['once', 'never', 'fine'].map((id) => send(id)));
    await until('the last message', () => seen.includes('fine'));
    expect(seen).toEqual(['once', 'fine']);
    expect(tries.filter((id) => id === 'never')).toHaveLength(3);
    expect(resets).toEqual([expect.stringMatching(/^audit\.recorded\/\d$/)]);
  });

  it('G4: after an outage longer than the session it goes on where it was, and tells the reader', async () => {
    const seen: string[] = [];
    const broadcast = listen(
      (message) => {
        seen.push(idOf(message.rawValue));
      },
      { sessionTimeoutMs: 6_000 },
    );
    await broadcast.start();
    await send('before');
    await until('the first message', () => seen.length === 1);
    test.cut();
    await new Promise((resolve) => setTimeout(resolve, 9_000));
    test.heal();
    await send('after');
    await until('the message after', () => seen.includes('after'));
    expect(seen).toEqual(['before', 'after']);
    await until('a reset of every partition', () => new Set(resets).size === 6);
  }, 90_000);

  it('when its position is gone from the log it begins at the end, and tells the reader first what it missed', async () => {
    const other = await createOutsideProducer();
    const seen: string[] = [];
    const broadcast = listen((message) => {
      seen.push(idOf(message.rawValue));
    });
    await broadcast.start();
    await send('here');
    await until('the first message', () => seen.length === 1);
    test.cut();
    for (let n = 0; n < 5; n++) await other.send(`missed-${n}`);
    const stored = (await test.readAll(TOPIC)).filter((message) => idOf(message.value).startsWith('missed-'));
    const { partition, offset } = stored.at(-1)!;
    await test.deleteBefore(TOPIC, partition, String(BigInt(offset) + 1n));
    test.heal();
    await until('the reader is told', () => resets.includes(`${TOPIC}/${partition}`));
    await send('later');
    await until('the later message', () => seen.includes('later'));
    expect(seen).toEqual(['here', 'later']);
    await other.close();
  }, 90_000);
});

/** A producer on another line: it reaches Kafka while `test.cut()` holds. */
async function createOutsideProducer() {
  const { createKafka } = await import('./client.ts');
  const { pino } = await import('pino');
  const { brokers, topicPrefix } = test;
  const outside = createKafka({ brokers, clientId: 'outside', topicPrefix, log: pino({ level: 'silent' }) }).producer();
  return {
    send: (id: string) => outside.send(TOPIC, { key: 'acme', value: auditRecord(id) }),
    close: () => outside.close(),
  };
}
