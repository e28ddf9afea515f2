import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { KafkaOptions } from './connection.ts';
import { rewindGroup } from './rewind.ts';
import { auditRecord, until } from './test-records.ts';
import { createTestKafka, type TestKafka } from './testing.ts';
import type { GroupConsumer, Producer } from './types.ts';

const topic = 'audit.recorded';
const groupId = 'reader';

let test: TestKafka;
let options: KafkaOptions;
let producer: Producer;
let seen: string[] = [];

beforeAll(async () => {
  test = await createTestKafka();
  options = { brokers: test.brokers, clientId: 'test', topicPrefix: test.topicPrefix, log: pino({ level: 'silent' }) };
  producer = test.kafka.producer();
});
afterAll(async () => {
  await producer.close();
  await test.drop();
});

const send = (ids: readonly string[]) =>
  producer.sendAll(
    topic,
    ids.map((id) => ({ key: `org-${id}`, value: auditRecord(id) })),
  );

/** Reads until everything that is wanted was seen, and goes. */
async function read(wanted: readonly string[]): Promise<void> {
  seen = [];
  const consumer = reader();
  await consumer.start();
  await until(`${wanted}`, () => wanted.every((id) => seen.includes(id)));
  await consumer.stop();
}

function reader(): GroupConsumer {
  return test.kafka.consumeGroup({
    topic,
    groupId,
    handler: async ({ messages }) => {
      seen.push(...messages.map(({ value }) => value.id));
    },
  });
}

describe('rewindGroup', () => {
  it('G1: what was written since a time is read again, what was written before is not', async () => {
    await send(['a', 'b', 'c', 'd', 'e', 'f']);
    // Kafka's times have milliseconds.
    await delay(5);
    const to = new Date();
    await delay(5);
    await send(['u', 'v', 'w', 'x', 'y', 'z']);
    await read(['a', 'b', 'c', 'd', 'e', 'f', 'u', 'v', 'w', 'x', 'y', 'z']);

    const planned = await rewindGroup(options, { topic, groupId, to, dryRun: true });
    expect(await rewindGroup(options, { topic, groupId, to })).toEqual(planned);
    expect(planned.reduce((sum, one) => sum + (one.from - one.to), 0n)).toBe(6n);
    await read(['u', 'v', 'w', 'x', 'y', 'z']);
    expect(seen.sort()).toEqual(['u', 'v', 'w', 'x', 'y', 'z']);
  });

  it('leaves alone a group that has members, and says to stop them', async () => {
    const consumer = reader();
    await consumer.start();
    await expect(rewindGroup(options, { topic, groupId, to: new Date(Date.now() - 1000) })).rejects.toThrow(
      'stop every replica',
    );
    await consumer.stop();
  });

  it('never moves a group forward', async () => {
    await send(['later']);
    await delay(5);
    const behind = await rewindGroup(options, { topic, groupId, to: new Date() });
    expect(behind.every(({ from, to }) => to === from)).toBe(true);
    await read(['later']);
  });

  it.each([
    ['before what is kept', new Date(Date.now() - 15 * 86_400_000), 'keeps 14 days'],
    ['ahead', new Date(Date.now() + 60_000), 'lies ahead'],
    ['that is none', new Date(Number.NaN), 'lies ahead'],
  ])('refuses a time %s', async (_, to, message) => {
    await expect(rewindGroup(options, { topic, groupId, to })).rejects.toThrow(message);
  });

  it('of a group that has read nothing there is nothing to move', async () => {
    expect(await rewindGroup(options, { topic, groupId: 'nobody', to: new Date() })).toEqual([]);
  });
});
