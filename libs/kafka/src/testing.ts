import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { createKafka } from './client.ts';
import { askSettled, type KafkaOptions, openClient, withAdmin } from './connection.ts';
import { textHeaders } from './headers.ts';
import { Line } from './line.ts';
import type { KafkaClient, TextHeaders } from './types.ts';

/** A message as it lies in a topic. */
export interface StoredMessage {
  partition: number;
  offset: string;
  key: string;
  value: Buffer;
  headers: TextHeaders;
}

/** A client on a real broker whose topics are its own. */
export interface TestKafka {
  kafka: KafkaClient;
  brokers: string[];
  /** Set KAFKA_TOPIC_PREFIX to it for a service under test. */
  topicPrefix: string;
  /** Cuts every connection of `kafka` and refuses new ones until `heal`. Other clients are not touched. */
  cut(): void;
  heal(): void;
  /** Everything a topic holds (a dead-letter topic too), partition by partition in offset order. */
  readAll(topic: string): Promise<StoredMessage[]>;
  /** Deletes messages of a partition below the offset, as retention does. */
  deleteBefore(topic: string, partition: number, offset: string): Promise<void>;
  /** The ids of this prefix's groups that Kafka knows. */
  groups(): Promise<string[]>;
  /** Deletes every topic and group of the prefix. Stop producers and consumers first. */
  drop(): Promise<void>;
}

/** Brokers from TEST_KAFKA_BROKERS (comma list); creates all topics under a new prefix. */
export async function createTestKafka({ partitions = 3 } = {}): Promise<TestKafka> {
  const brokers = process.env.TEST_KAFKA_BROKERS?.split(',');
  if (!brokers) throw new Error('TEST_KAFKA_BROKERS is not set; set it to a Kafka for tests, such as 127.0.0.1:9092');
  const topicPrefix = `test-${randomBytes(6).toString('hex')}.`;
  const log = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const line = new Line();
  const direct: KafkaOptions = { brokers, clientId: 'test', topicPrefix, log };
  const kafka = createKafka({ ...direct, socketFactory: line.open });
  await kafka.ensureTopics({ partitions, replicationFactor: 1 });

  const groups = () =>
    withAdmin(direct, async (admin) => {
      const { groups: all } = await askSettled(() => admin.listGroups());
      return all.map(({ groupId }) => groupId).filter((id) => id.startsWith(topicPrefix));
    });
  return {
    kafka,
    brokers,
    topicPrefix,
    cut: () => line.cut(),
    heal: () => line.heal(),
    readAll: (topic) => readAll(direct, topicPrefix + topic),
    deleteBefore: (topic, partition, offset) =>
      withAdmin(direct, async (admin) => {
        // Loads the topic's metadata, which deleteTopicRecords forgets to.
        await admin.fetchTopicOffsets(topicPrefix + topic);
        await admin.deleteTopicRecords({ topic: topicPrefix + topic, partitions: [{ partition, offset }] });
      }),
    groups,
    drop: async () => {
      const left = await groups();
      await withAdmin(direct, async (admin) => {
        // A group that still has members cannot be deleted; Kafka forgets it with its offsets.
        await admin.deleteGroups(left).catch(() => {});
        const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(topicPrefix));
        await admin.deleteTopics({ topics });
      });
    },
  };
}

async function readAll(options: KafkaOptions, topic: string): Promise<StoredMessage[]> {
  const offsets = await withAdmin(options, (admin) => admin.fetchTopicOffsets(topic));
  const ends = new Map(offsets.filter(({ low, high }) => low !== high).map((o) => [o.partition, BigInt(o.high)]));
  const messages: StoredMessage[] = [];
  if (ends.size === 0) return messages;
  const groupId = `${options.topicPrefix}reader-${randomBytes(4).toString('hex')}`;
  const consumer = openClient(options, { requestTimeoutMs: 10_000 }).consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    const eachMessage: Parameters<typeof consumer.run>[0] = {
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        messages.push({
          partition,
          offset: message.offset,
          key: message.key?.toString() ?? '',
          value: message.value ?? Buffer.alloc(0),
          headers: textHeaders(message.headers),
        });
        if (BigInt(message.offset) + 1n >= (ends.get(partition) ?? 0n)) ends.delete(partition);
        if (ends.size === 0) resolve();
      },
    };
    consumer.run(eachMessage).catch(reject);
  });
  await consumer.disconnect();
  return messages.sort((a, b) => a.partition - b.partition || Number(BigInt(a.offset) - BigInt(b.offset)));
}
