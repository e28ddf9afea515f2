import type { TopicName } from '@governsai/contracts';
import type { EachBatchPayload, KafkaMessage, LogEntry } from 'kafkajs';
import { asError, persist } from './backoff.ts';
import { type KafkaOptions, withAdmin } from './connection.ts';
import { ConsumerSession } from './consumer-session.ts';
import { textHeaders } from './headers.ts';
import { Lease } from './lease.ts';
import { consumed, retries, skipped } from './metrics.ts';
import type { Broadcast, BroadcastHandler, BroadcastMessage, BroadcastOptions, TextHeaders } from './types.ts';

const HANDLER_TRIES = 3;
const HANDLER_TIMEOUT_MS = 10_000;
/** There is nobody to wait for in a group of one, but for a self the broker has not yet noticed the loss of. */
const REBALANCE_TIMEOUT_MS = 3_000;
/** kafkajs 2.2.4, src/consumer/consumerGroup.js: the only sign it gives of an offset reset. */
const OUT_OF_RANGE = 'Offset out of range, resetting to default offset';

/** See {@link Broadcast} and {@link BroadcastOptions}. */
export class GroupBroadcast implements Broadcast {
  readonly #kafka: KafkaOptions;
  readonly #options: BroadcastOptions;
  readonly #groupId: string;
  readonly #sessionTimeoutMs: number;
  readonly #session: ConsumerSession;
  /** The next offset of each partition of each topic (as Kafka knows it). Ours counts, not the group's committed one. */
  readonly #positions = new Map<string, Map<number, bigint>>();
  readonly #committing = new Set<string>();

  constructor(kafka: KafkaOptions, options: BroadcastOptions, random: string) {
    const missing = options.topics.filter((topic) => !options.handlers[topic]);
    if (missing.length > 0)
      throw new Error(`broadcast has no handler for ${missing.join(', ')}; add one to \`handlers\``);
    this.#kafka = kafka;
    this.#options = options;
    this.#groupId = `${kafka.topicPrefix}${options.replicaId}-${random}`;
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? 15_000;
    this.#session = new ConsumerSession(kafka, {
      groupId: this.#groupId,
      topics: options.topics.map((topic) => kafka.topicPrefix + topic),
      fromBeginning: false,
      concurrency: 3,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      heartbeatIntervalMs: Math.round(this.#sessionTimeoutMs / 10),
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      onJoin: (assignment) => this.#joined(assignment),
      eachBatch: (payload) => this.#eachBatch(payload),
      health: (error) => options.health?.(error),
      onFatal: options.onFatal,
      onLog: (entry) => this.#hear(entry),
    });
  }

  async start(): Promise<void> {
    for (const topic of this.#options.topics) {
      const ends = await this.#persist('the end offsets could not be fetched', () => this.#endOffsets(topic));
      if (ends) this.#positions.set(this.#kafka.topicPrefix + topic, ends);
    }
    await this.#session.start();
    await this.#persist('the first offsets could not be committed', () => this.#commitAll());
  }

  async stop(): Promise<void> {
    await this.#session.stop();
    if (this.#session.generation === 0) return;
    try {
      await withAdmin(this.#kafka, (admin) => admin.deleteGroups([this.#groupId]));
    } catch (error) {
      // Kafka forgets an empty group by itself after offsets.retention.minutes.
      this.#kafka.log.warn(
        { err: asError(error), groupId: this.#groupId },
        'the group of this replica could not be deleted',
      );
    }
  }

  /** Begins, or goes on, where we were. After a rejoin nothing is missed, but only the reader can be sure of that. */
  #joined(assignment: Readonly<Record<string, number[]>>): void {
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const offset = this.#positions.get(topic)?.get(partition);
        if (offset !== undefined) this.#session.consumer.seek({ topic, partition, offset: String(offset) });
        if (this.#session.generation > 1) this.#tellReset(topic, partition);
      }
    }
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    const name = this.#name(topic);
    const handler = this.#options.handlers[name];
    const positions = this.#positions.get(topic);
    if (!handler || !positions) return;
    const lease = new Lease({
      payload,
      generation: () => this.#session.generation,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      heartbeatIntervalMs: Math.round(this.#sessionTimeoutMs / 10),
    });
    try {
      await lease.begin();
      for (const message of messages) {
        if (!payload.isRunning() || payload.isStale()) return;
        const offset = BigInt(message.offset);
        if (offset < (positions.get(partition) ?? 0n)) continue;
        const delivered = this.#deliver(name, handler, new Delivery(message, partition));
        if (delivered !== undefined) await delivered;
        positions.set(partition, offset + 1n);
      }
      consumed.inc({ topic: name, group: 'broadcast' }, messages.length);
      if (!lease.active()) return;
      payload.resolveOffset(payload.batch.lastOffset());
      this.#commit(payload);
    } finally {
      lease.end();
    }
  }

  /** Undefined when the handler was done at once, which most are: a promise for each message would cost more than they do. */
  #deliver(topic: TopicName, handler: BroadcastHandler, message: BroadcastMessage): Promise<void> | undefined {
    try {
      const result = handler(message);
      if (!(result instanceof Promise)) return undefined;
      return bounded(result).catch((error: unknown) => this.#redeliver(topic, handler, message, error));
    } catch (error) {
      return this.#redeliver(topic, handler, message, error);
    }
  }

  async #redeliver(
    topic: TopicName,
    handler: BroadcastHandler,
    message: BroadcastMessage,
    first: unknown,
  ): Promise<void> {
    let error = asError(first);
    for (let tries = 1; tries < HANDLER_TRIES; tries++) {
      retries.inc({ topic, side: 'broadcast' });
      try {
        return await bounded(Promise.resolve(handler(message)));
      } catch (again) {
        error = asError(again);
      }
    }
    const { partition, offset } = message;
    skipped.inc({ topic });
    this.#kafka.log.error(
      { err: error, topic, partition, offset },
      'a broadcast message was skipped: its handler keeps failing',
    );
    this.#tellReset(this.#kafka.topicPrefix + topic, partition);
  }

  /** Not waited for: our own positions count, a commit only keeps the group's view close. One a partition at a time. */
  #commit({ batch, commitOffsetsIfNecessary }: EachBatchPayload): void {
    const { topic, partition } = batch;
    const id = `${topic}/${partition}`;
    const position = this.#positions.get(topic)?.get(partition);
    if (position === undefined || this.#committing.has(id)) return;
    this.#committing.add(id);
    commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: String(position) }] }] })
      .catch((error: unknown) => this.#kafka.log.debug({ err: asError(error), topic, partition }, 'commit failed'))
      .finally(() => this.#committing.delete(id));
  }

  async #commitAll(): Promise<void> {
    await this.#session.consumer.commitOffsets(
      Array.from(this.#positions, ([topic, partitions]) =>
        Array.from(partitions, ([partition, offset]) => ({ topic, partition, offset: String(offset) })),
      ).flat(),
    );
  }

  #hear({ log }: LogEntry): void {
    if (log.message !== OUT_OF_RANGE) return;
    const { topic, partition } = log;
    if (typeof topic === 'string' && typeof partition === 'number') void this.#reposition(topic, partition);
  }

  /** The log does not hold our position any more: go to its end, and only then tell the reader to read the state again. */
  async #reposition(topic: string, partition: number): Promise<void> {
    this.#positions.get(topic)?.delete(partition);
    const ends = await this.#persist('the end offset could not be fetched', () => this.#endOffsets(this.#name(topic)));
    const end = ends?.get(partition);
    const positions = this.#positions.get(topic);
    if (end === undefined || !positions) return;
    const reached = positions.get(partition) ?? 0n;
    const offset = reached > end ? reached : end;
    positions.set(partition, offset);
    // Between a crash and the next join there is no one to tell; the join begins at our positions.
    if (this.#session.joined) this.#session.consumer.seek({ topic, partition, offset: String(offset) });
    this.#tellReset(topic, partition);
  }

  async #endOffsets(topic: TopicName): Promise<Map<number, bigint>> {
    const offsets = await withAdmin(this.#kafka, (admin) => admin.fetchTopicOffsets(this.#kafka.topicPrefix + topic));
    return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
  }

  #persist<R>(failure: string, work: () => Promise<R>): Promise<R | undefined> {
    return persist(work, {
      signal: this.#session.stopping,
      onFailure: (error, attempt) => {
        this.#options.health?.(error);
        this.#kafka.log.warn({ err: error, groupId: this.#groupId, attempt }, `${failure}, trying again`);
      },
    });
  }

  #tellReset(topic: string, partition: number): void {
    try {
      this.#options.onReset(this.#name(topic), partition);
    } catch (error) {
      this.#kafka.log.error({ err: asError(error), topic, partition }, 'onReset failed');
    }
  }

  #name(topic: string): TopicName {
    return topic.slice(this.#kafka.topicPrefix.length) as TopicName;
  }
}

/** Decodes what the reader asks for, and no more: each replica sees every message of every org. */
class Delivery implements BroadcastMessage {
  readonly #message: KafkaMessage;
  readonly partition: number;

  constructor(message: KafkaMessage, partition: number) {
    this.#message = message;
    this.partition = partition;
  }

  get key(): string {
    return this.#message.key?.toString() ?? '';
  }

  get rawValue(): Buffer {
    return this.#message.value ?? Buffer.alloc(0);
  }

  get offset(): string {
    return this.#message.offset;
  }

  get timestamp(): string {
    return this.#message.timestamp;
  }

  get headers(): TextHeaders {
    return textHeaders(this.#message.headers);
  }
}

/** A handler that never answers must not hold its partition for ever. */
async function bounded(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the handler took more than ${HANDLER_TIMEOUT_MS} ms`)),
      HANDLER_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
