import type { TopicName } from '@governsai/contracts';
import type { Admin, ConfigResourceTypes } from 'kafkajs';
import { type KafkaOptions, withAdmin } from './connection.ts';

/** Node.js cannot import the client's own constant by name. */
const TOPIC_RESOURCE: ConfigResourceTypes.TOPIC = 2;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Where a group reads one partition again. */
export interface RewoundPartition {
  partition: number;
  /** The next offset it would have read. */
  from: bigint;
  /** The next offset it reads now: never above `from`. */
  to: bigint;
}

export interface RewindOptions {
  topic: TopicName;
  /** Without the prefix. */
  groupId: string;
  /** The group reads again every message that was written at or after this time. */
  to: Date;
  /** True: moves nothing, and only says what it would do, or why it cannot. */
  dryRun?: boolean;
}

/**
 * Moves a group back in a topic: what was written since then is read again by whoever joins next. It never moves a group forward.
 * Partitions of which it has committed nothing are left out of the answer: they are read from their beginning anyway.
 * Throws an Error that says what to do when a member is still there (it would commit over this), when the time is
 * further back than the topic keeps messages, or when it lies ahead.
 */
export async function rewindGroup(
  options: KafkaOptions,
  { topic, groupId, to, dryRun = false }: RewindOptions,
): Promise<RewoundPartition[]> {
  const age = Date.now() - to.getTime();
  if (!(age >= 0)) throw new Error('the time to go back to lies ahead: give one that has passed');
  const group = options.topicPrefix + groupId;
  const name = options.topicPrefix + topic;
  return withAdmin(options, async (admin) => {
    const keptMs = await retentionMs(admin, name);
    if (age > keptMs) {
      const days = Math.floor(keptMs / DAY_MS);
      throw new Error(`${topic} keeps ${days} days: what is older cannot be read again; give a later time`);
    }
    const { groups } = await admin.describeGroups([group]);
    if ((groups[0]?.members.length ?? 0) > 0) {
      throw new Error(`${groupId} is running: stop every replica of it first, then try again`);
    }
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [name] });
    const wanted = await admin.fetchTopicOffsetsByTimestamp(name, to.getTime());
    const back = new Map(wanted.map(({ partition, offset }) => [partition, BigInt(offset)]));
    const rewound = (committed?.partitions ?? []).flatMap(({ partition, offset }): RewoundPartition[] => {
      const from = BigInt(offset);
      const time = back.get(partition) ?? from;
      // -1: nothing is committed.
      return from < 0n ? [] : [{ partition, from, to: time < from ? time : from }];
    });
    const moved = rewound.filter((one) => one.to !== one.from);
    if (moved.length > 0 && !dryRun) {
      const partitions = moved.map(({ partition, to: offset }) => ({ partition, offset: String(offset) }));
      await admin.setOffsets({ groupId: group, topic: name, partitions });
    }
    return rewound;
  });
}

/** How long a topic is kept, as it is set now; infinite where that is for ever. */
async function retentionMs(admin: Admin, topic: string): Promise<number> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: ['retention.ms'] }],
  });
  const value = Number(resources[0]?.configEntries[0]?.configValue);
  if (Number.isNaN(value)) throw new Error(`Kafka does not say how long ${topic} is kept: look at its retention.ms`);
  return value < 0 ? Number.POSITIVE_INFINITY : value;
}
