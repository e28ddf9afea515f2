import { randomBytes } from 'node:crypto';
import { GroupBroadcast } from './broadcast.ts';
import { type KafkaOptions, withAdmin } from './connection.ts';
import { BatchGroupConsumer } from './group-consumer.ts';
import { GroupCommitProducer } from './producer.ts';
import { awaitTopics, checkTopics, ensureTopics } from './topics.ts';
import type { KafkaClient } from './types.ts';

const PING_TIMEOUT_MS = 2_000;

/**
 * The way to Kafka of one process.
 *
 * @example
 * const kafka = createKafka({ brokers: ['127.0.0.1:9092'], clientId: 'decision-writer', topicPrefix: '', log });
 * const producer = kafka.producer();
 * await producer.send('audit.recorded', { key: orgId, value: record });
 */
export function createKafka(options: KafkaOptions): KafkaClient {
  return {
    ensureTopics: (layout) => withAdmin(options, (admin) => ensureTopics(admin, options.topicPrefix, layout)),
    checkTopics: (expected) =>
      withAdmin(options, (admin) => checkTopics(admin, options.topicPrefix, expected?.partitions)),
    awaitTopics: () => awaitTopics(options),
    ping: () => ping(options),
    producer: (settings) => new GroupCommitProducer(options, settings),
    consumeGroup: (settings) => new BatchGroupConsumer(options, settings),
    broadcast: (settings) => new GroupBroadcast(options, settings, randomBytes(6).toString('hex')),
  };
}

async function ping(options: KafkaOptions): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `Kafka (${options.brokers.join(', ')}) did not answer within ${PING_TIMEOUT_MS} ms; check KAFKA_BROKERS`;
    timer = setTimeout(() => reject(new Error(text)), PING_TIMEOUT_MS);
  });
  try {
    await Promise.race([withAdmin(options, (admin) => admin.describeCluster()), late]);
  } finally {
    clearTimeout(timer);
  }
}
