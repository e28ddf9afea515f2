import { deadLetterTopic, TOPIC_NAMES, TOPICS, type TopicName } from '@governsai/contracts';
import type { Admin, ITopicConfig } from 'kafkajs';
import { NEVER, persist } from './backoff.ts';
import { askSettled, type KafkaOptions, withAdmin } from './connection.ts';
import type { TopicLayout } from './types.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Dead letters wait for a person. */
const DEAD_RETENTION_MS = 30 * DAY_MS;
/** The largest request the broker takes for a topic; a dead letter is its original and a few headers more. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_DEAD_MESSAGE_BYTES = MAX_MESSAGE_BYTES + 64 * 1024;

/** How a topic is to be. */
export interface WantedTopic {
  /** With the prefix. */
  name: string;
  retentionMs: number;
  /** The largest batch of messages the broker takes. */
  maxMessageBytes: number;
}

/** Every topic of an installation, dead letters included. */
export function wantedTopics(prefix: string): WantedTopic[] {
  return TOPIC_NAMES.flatMap((topic: TopicName) => [
    { name: prefix + topic, retentionMs: TOPICS[topic].retentionMs, maxMessageBytes: MAX_MESSAGE_BYTES },
    { name: prefix + deadLetterTopic(topic), retentionMs: DEAD_RETENTION_MS, maxMessageBytes: MAX_DEAD_MESSAGE_BYTES },
  ]);
}

/** Creates the topics that are missing and leaves the others as they are. Answers the names created. */
export async function ensureTopics(admin: Admin, prefix: string, layout: TopicLayout): Promise<{ created: string[] }> {
  const existing = new Set(await admin.listTopics());
  const missing = wantedTopics(prefix).filter(({ name }) => !existing.has(name));
  if (missing.length === 0) return { created: [] };
  const topics = missing.map((topic) => definition(topic, layout));
  // Answers false when another run created them between the two calls; that is as good. The client's own wait for
  // leaders gives up on a broker that has not heard of the topic yet.
  await admin.createTopics({ topics, timeout: 10_000, waitForLeaders: false });
  // Until the leader of every partition answers.
  for (const { name } of missing) await askSettled(() => admin.fetchTopicOffsets(name));
  return { created: missing.map(({ name }) => name) };
}

function definition(topic: WantedTopic, { partitions, replicationFactor }: TopicLayout): ITopicConfig {
  // With three replicas an acknowledged write survives the loss of one broker, and one broker may be restarted.
  const inSync = replicationFactor >= 3 ? 2 : 1;
  return {
    topic: topic.name,
    numPartitions: partitions,
    replicationFactor,
    configEntries: [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: String(topic.retentionMs) },
      { name: 'max.message.bytes', value: String(topic.maxMessageBytes) },
      { name: 'min.insync.replicas', value: String(inSync) },
    ],
  };
}

/** What the cluster answered: no try changes it, only who sets the installation up. */
class WrongTopicsError extends Error {}

/** Throws a WrongTopicsError that names every missing topic and every wrong partition count, each with what to do. */
export async function checkTopics(admin: Admin, prefix: string, partitions: number | undefined): Promise<void> {
  const wanted = wantedTopics(prefix).map(({ name }) => name);
  const existing = new Set(await admin.listTopics());
  const missing = wanted.filter((name) => !existing.has(name));
  if (missing.length > 0) {
    throw new WrongTopicsError(
      `Kafka topics are missing: ${missing.join(', ')}. Create them (ensureTopics, run by the migration job), ` +
        `or set KAFKA_TOPIC_PREFIX to the prefix they were created with (it is '${prefix}').`,
    );
  }
  if (partitions === undefined) return;
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted });
  const wrong = topics.filter((topic) => topic.partitions.length !== partitions);
  if (wrong.length === 0) return;
  const found = wrong.map((topic) => `${topic.name} has ${topic.partitions.length}`).join(', ');
  throw new WrongTopicsError(
    `KAFKA_PARTITIONS is ${partitions}, but ${found}. Partition counts never change once created: a key would move to ` +
      'another partition and lose its order. Set KAFKA_PARTITIONS to the count the topics have.',
  );
}

/** Checks that all topics are there once the cluster answers: a service that starts while it is away waits for it. */
export async function awaitTopics(options: KafkaOptions): Promise<void> {
  const check = () => withAdmin(options, (admin) => checkTopics(admin, options.topicPrefix, undefined));
  const wrong = await persist(
    () =>
      check().catch((error: unknown) => {
        // An answer, which no other try would change.
        if (error instanceof WrongTopicsError) return error;
        throw error;
      }),
    {
      signal: NEVER,
      onFailure: (error, attempt) =>
        options.log.warn({ err: error, attempt }, 'Kafka cannot be asked for its topics yet, trying again'),
    },
  );
  if (wrong) throw wrong;
}
