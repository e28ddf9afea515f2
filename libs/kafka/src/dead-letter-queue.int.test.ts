import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { KafkaOptions } from './connection.ts';
import { listDeadLetters, redriveDeadLetters } from './dead-letter-queue.ts';
import { createTestKafka, type TestKafka } from './testing.ts';

let test: TestKafka;
let options: KafkaOptions;

beforeAll(async () => {
  test = await createTestKafka();
  options = { brokers: test.brokers, clientId: 'test', topicPrefix: test.topicPrefix, log: pino({ level: 'silent' }) };
});

afterAll(() => test.drop());

it('G10: a dead letter is listed with its reason, sent back as it was, and sent back once', async () => {
  const producer = test.kafka.producer();
  const value = Buffer.from('{"what":"ever"}');
  for (const key of ['acme', 'globex']) {
    const source = {
      partition: 2,
      offset: '41',
      timestamp: '1',
      key: Buffer.from(key),
      value,
      headers: { schema: 's' },
    };
    await producer.sendDead('audit.recorded', source, 'not readable', new TypeError('bad'));
  }
  await producer.close();

  const listed = await listDeadLetters(options);
  expect(listed.map((letter) => letter.key).sort()).toEqual(['acme', 'globex']);
  expect(listed[0]).toMatchObject({
    topic: 'audit.recorded',
    reason: 'not readable',
    error: 'TypeError: bad',
    source: '2/41',
  });

  expect(await redriveDeadLetters(options, { topic: 'decisions.recorded' })).toBe(0);
  expect(await redriveDeadLetters(options, { topic: 'audit.recorded' })).toBe(2);
  const back = await test.readAll('audit.recorded');
  expect(back.map((message) => [message.key, message.value.toString(), message.headers]).sort()).toEqual([
    ['acme', '{"what":"ever"}', { schema: 's' }],
    ['globex', '{"what":"ever"}', { schema: 's' }],
  ]);

  expect(await listDeadLetters(options)).toEqual([]);
  expect(await redriveDeadLetters(options)).toBe(0);
});
