import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createKafka } from './client.ts';
import { createTestKafka, type TestKafka } from './testing.ts';

let test: TestKafka;

beforeAll(async () => {
  test = await createTestKafka({ partitions: 2 });
});
afterAll(() => test.drop());

describe('topics', () => {
  it('are created once, with their dead-letter topics', async () => {
    expect(await test.kafka.ensureTopics({ partitions: 2, replicationFactor: 1 })).toEqual({ created: [] });
    await expect(test.kafka.checkTopics({ partitions: 2 })).resolves.toBeUndefined();
  });

  it('are checked: a wrong partition count is told with its remedy', async () => {
    await expect(test.kafka.checkTopics({ partitions: 6 })).rejects.toThrow(
      /KAFKA_PARTITIONS is 6, but .*audit\.recorded has 2.* never change/,
    );
  });

  it('are checked: missing ones are told with their remedy', async () => {
    const log = pino({ level: 'silent' });
    const other = createKafka({ brokers: test.brokers, clientId: 'test', topicPrefix: 'nobody.', log });
    await expect(other.checkTopics()).rejects.toThrow(/missing: nobody\.decisions\.submitted.*Create them/);
  });

  it('G8: are waited for while the cluster is away, and missed at once where it says so', async () => {
    let there = false;
    test.cut();
    const waiting = test.kafka.awaitTopics().then(() => {
      there = true;
    });
    await expect(test.kafka.checkTopics()).rejects.toThrow();
    expect(there).toBe(false);
    test.heal();
    await waiting;
    const log = pino({ level: 'silent' });
    const other = createKafka({ brokers: test.brokers, clientId: 'test', topicPrefix: 'nobody.', log });
    await expect(other.awaitTopics()).rejects.toThrow(/missing: nobody\.decisions\.submitted/);
  });

  it('two creators at once do not fail', async () => {
    const log = pino({ level: 'silent' });
    const topicPrefix = `${test.topicPrefix}twice.`;
    const kafka = createKafka({ brokers: test.brokers, clientId: 'test', topicPrefix, log });
    const layout = { partitions: 1, replicationFactor: 1 };
    await Promise.all([kafka.ensureTopics(layout), kafka.ensureTopics(layout)]);
    await kafka.checkTopics({ partitions: 1 });
  });
});

describe('ping', () => {
  it('answers while Kafka does, and fails in bounded time when it is away', async () => {
    await test.kafka.ping();
    test.cut();
    await expect(test.kafka.ping()).rejects.toThrow();
    test.heal();
    await test.kafka.ping();
  });
});
