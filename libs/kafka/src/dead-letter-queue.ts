import { randomBytes } from 'node:crypto';
import { deadLetterTopic, TOPIC_NAMES, type TopicName } from '@governsai/contracts';
import { type Admin, type Consumer, type KafkaMessage, Partitioners } from 'kafkajs';
import { askSettled, type KafkaOptions, openClient, withAdmin } from './connection.ts';
import { DEAD_HEADERS } from './dead-letter.ts';
import { textHeaders } from './headers.ts';

/** A message that a consumer gave up on, as it lies in its dead-letter topic. */
export interface DeadLetter {
  /** The topic it came from. */
  topic: TopicName;
  /** Its place in the dead-letter topic. */
  partition: number;
  offset: string;
  /** The org. */
  key: string;
  reason: string;
  error: string;
  /** Where it was in `topic`: `<partition>/<offset>`. */
  source: string;
  /** When it was given up, RFC 3339. */
  at: string;
}

/** What is to be looked at: all topics, or one. */
export interface DeadLetterSelection {
  topic?: TopicName | undefined;
  /** At most so many. Default 1,000. */
  limit?: number;
}

const REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_LIMIT = 1000;
/** Remembers by its offsets what has been sent back. */
const REDRIVE_GROUP = 'admin-redrive';

/** The dead letters that have not been sent back yet, topic by topic in the order of their offsets. */
export async function listDeadLetters(
  options: KafkaOptions,
  selection: DeadLetterSelection = {},
): Promise<DeadLetter[]> {
  const found: DeadLetter[] = [];
  const groupId = `${options.topicPrefix}admin-dead-letters-${randomBytes(6).toString('hex')}`;
  await readWaiting(options, groupId, selection, async (_consumer, topic, partition, message) => {
    found.push(deadLetterOf(topic, partition, message));
  });
  await withAdmin(options, (admin) => admin.deleteGroups([groupId]).catch(() => {}));
  return found;
}

/**
 * Sends dead letters back to the topics they came from, with their original key, value and headers, each noted as sent
 * once Kafka has confirmed it: a crash in between sends one twice, which every consumer takes. Returns how many.
 */
export async function redriveDeadLetters(options: KafkaOptions, selection: DeadLetterSelection = {}): Promise<number> {
  const producer = openClient(options, { requestTimeoutMs: REQUEST_TIMEOUT_MS }).producer({
    idempotent: false,
    // As the services do: what is sent back joins the others of its org.
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  let sent = 0;
  try {
    const groupId = `${options.topicPrefix}${REDRIVE_GROUP}`;
    await readWaiting(options, groupId, selection, async (consumer, topic, partition, message) => {
      await producer.send({
        topic: options.topicPrefix + topic,
        acks: -1,
        messages: [{ key: message.key, value: message.value, headers: originalHeaders(message) }],
      });
      const dead = options.topicPrefix + deadLetterTopic(topic);
      await consumer.commitOffsets([{ topic: dead, partition, offset: (BigInt(message.offset) + 1n).toString() }]);
      sent++;
    });
  } finally {
    await producer.disconnect();
  }
  return sent;
}

type Take = (consumer: Consumer, topic: TopicName, partition: number, message: KafkaMessage) => Promise<void>;

/** Hands on what lies between what has been sent back and the ends as they are now, and stops there. */
async function readWaiting(
  options: KafkaOptions,
  groupId: string,
  { topic: only, limit = DEFAULT_LIMIT }: DeadLetterSelection,
  take: Take,
): Promise<void> {
  const topics = only ? [only] : TOPIC_NAMES;
  const waiting = await withAdmin(options, (admin) => waitingRanges(admin, options.topicPrefix, topics));
  if (waiting.size === 0) return;
  const byDeadTopic = new Map(topics.map((topic) => [options.topicPrefix + deadLetterTopic(topic), topic]));
  const consumer = openClient(options, { requestTimeoutMs: REQUEST_TIMEOUT_MS }).consumer({
    groupId,
    maxWaitTimeInMs: 100,
  });
  let left = limit;
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...byDeadTopic.keys()], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      const eachMessage = async ({ topic: deadTopic, partition, message }: Parameters<EachMessage>[0]) => {
        const place = `${deadTopic}/${partition}`;
        const range = waiting.get(place);
        const topic = byDeadTopic.get(deadTopic);
        if (!range || !topic || left === 0) return;
        const offset = BigInt(message.offset);
        if (offset >= range.from && offset < range.to) {
          left--;
          await take(consumer, topic, partition, message);
        }
        if (offset + 1n >= range.to) waiting.delete(place);
        if (waiting.size === 0 || left === 0) resolve();
      };
      consumer.run({ autoCommit: false, eachMessage }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}

type EachMessage = NonNullable<NonNullable<Parameters<Consumer['run']>[0]>['eachMessage']>;

interface Range {
  from: bigint;
  /** The offset after the last. */
  to: bigint;
}

/** By `<dead-letter topic>/<partition>`: the offsets that have not been sent back. Those without any are left out. */
async function waitingRanges(admin: Admin, prefix: string, topics: readonly TopicName[]): Promise<Map<string, Range>> {
  const present = new Set(await admin.listTopics());
  const names = topics.map((topic) => prefix + deadLetterTopic(topic));
  const missing = names.filter((name) => !present.has(name));
  if (missing.length > 0) throw new Error(`these topics are missing: ${missing.join(', ')}; check KAFKA_TOPIC_PREFIX`);
  const committed = await askSettled(() => admin.fetchOffsets({ groupId: prefix + REDRIVE_GROUP, topics: names }));
  const ranges = new Map<string, Range>();
  for (const { topic, partitions } of committed) {
    const sentBack = new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      const done = sentBack.get(partition) ?? -1n;
      const from = done > BigInt(low) ? done : BigInt(low);
      if (from < BigInt(high)) ranges.set(`${topic}/${partition}`, { from, to: BigInt(high) });
    }
  }
  return ranges;
}

function deadLetterOf(topic: TopicName, partition: number, message: KafkaMessage): DeadLetter {
  const headers = textHeaders(message.headers);
  return {
    topic,
    partition,
    offset: message.offset,
    key: message.key?.toString() ?? '',
    reason: headers[DEAD_HEADERS.reason] ?? 'unknown',
    error: `${headers[DEAD_HEADERS.errorName] ?? 'Error'}: ${headers[DEAD_HEADERS.errorMessage] ?? ''}`,
    source: `${headers[DEAD_HEADERS.partition]}/${headers[DEAD_HEADERS.offset]}`,
    at: headers[DEAD_HEADERS.at] ?? '',
  };
}

function originalHeaders(message: KafkaMessage): KafkaMessage['headers'] {
  const added = new Set<string>(Object.values(DEAD_HEADERS));
  return Object.fromEntries(Object.entries(message.headers ?? {}).filter(([name]) => !added.has(name)));
}
