import type { TopicName, TopicValue } from '@governsai/contracts';
import type { Attributes, Context } from '@opentelemetry/api';

/** Headers as text. Kafka keeps bytes; every header this library writes is UTF-8. */
export type TextHeaders = Record<string, string>;

/**
 * One message to write. `value` is checked against the topic's schema and serialized once; `{ json }` is taken as it
 * is, for callers that have checked and serialized it already. A `schema` among the headers given here wins; a
 * `traceparent` among them is continued.
 */
export interface OutgoingMessage<T extends TopicName = TopicName> {
  /** The orgId: messages of one key keep their order. */
  key: string;
  value: TopicValue<T> | { json: string | Buffer };
  headers?: TextHeaders | undefined;
  /** The trace it belongs to, the active one unless given, and what the span of its sending says besides. */
  trace?: { parent?: Context | undefined; attributes?: () => Attributes } | undefined;
}

/** A message as it was read, in bytes: what a dead letter keeps. */
export interface SourceMessage {
  partition: number;
  offset: string;
  /** Milliseconds since 1970 as a decimal string. */
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer | string | (Buffer | string)[] | undefined>;
}

export interface ProducerOptions {
  /** How long the first message of an idle topic waits for company, in ms. Default 0: for what the same turn of the event loop sends. */
  lingerMs?: number;
  /** What may wait for confirmation, all topics together. Default 64 MiB. */
  maxQueuedBytes?: number;
  /** Every send settles within this time. Default 4,000 ms. */
  sendTimeoutMs?: number;
}

/**
 * Writes with acks=all, group-committed: a topic has one request in flight, what arrives meanwhile goes with the next.
 * Messages of one key are written in the order they were sent.
 *
 * A send resolves only after the broker's confirmation. It rejects with `AppError` UNAVAILABLE (with `retryAfterMs`)
 * when the time ran out, the queue is full or the producer is closed. A message whose time ran out while it waited is
 * never written; one already in flight may still be: readers remove duplicates by id or sequence number.
 */
export interface Producer {
  /** Opens the connection ahead of the first send. Rejects with UNAVAILABLE; a later send connects by itself. */
  connect(): Promise<void>;
  send<T extends TopicName>(topic: T, message: OutgoingMessage<T>): Promise<void>;
  /** Sends in the given order; resolves when all are confirmed, rejects with the first failure after all have settled. */
  sendAll<T extends TopicName>(topic: T, messages: readonly OutgoingMessage<T>[]): Promise<void>;
  /** The same with an outcome for each, in their order: null when it is confirmed. Resolves when all are settled, never rejects. */
  sendEach<T extends TopicName>(topic: T, messages: readonly OutgoingMessage<T>[]): Promise<(Error | null)[]>;
  /** Writes a message's original bytes to the dead-letter topic, with the reason in headers. See `DEAD_HEADERS`. */
  sendDead(topic: TopicName, source: SourceMessage, reason: string, error: unknown): Promise<void>;
  /** Bytes waiting for confirmation. */
  queuedBytes(): number;
  /** Refuses new sends, waits for the queued ones (bounded by `sendTimeoutMs`) and disconnects. Never rejects. */
  close(): Promise<void>;
}

/** A message of a consumer group, its value parsed by the topic's schema. */
export interface ConsumedMessage<T extends TopicName = TopicName> {
  offset: string;
  /** Empty when the message has no key. */
  key: string;
  value: TopicValue<T>;
  headers: TextHeaders;
  /** When it was written, milliseconds since 1970 as a decimal string. */
  timestamp: string;
  /** The value's bytes. */
  raw: Buffer;
}

export interface ConsumedBatch<T extends TopicName = TopicName> {
  topic: T;
  partition: number;
  /** The group that reads it, without the prefix. */
  group: string;
  /** In offset order, never empty. */
  messages: ConsumedMessage<T>[];
  /** Membership is kept on a timer; call this only to learn of a rebalance at once (it throws then). */
  heartbeat(): Promise<void>;
  /** False once this member does not own the partition any more: stop, nothing of this batch will be committed. */
  active(): boolean;
  /** Gives a message up: resolves when its dead letter is confirmed. The handler goes on with the others. */
  deadLetter(message: ConsumedMessage<T>, reason: string, error: unknown): Promise<void>;
}

export interface GroupOptions<T extends TopicName> {
  topic: T;
  groupId: string;
  /**
   * Handles a batch; its effects must be durable when it resolves, the offset is committed then. It sees a batch again
   * when it throws, after a crash and after a rebalance. Throw `PoisonError` for data that can never be handled: the
   * batch is halved until the message is found, which goes to the dead-letter topic.
   */
  handler(batch: ConsumedBatch<T>): Promise<void>;
  /** Partitions handled at the same time. Default 3. */
  concurrency?: number;
  /** Messages a batch at most. Default 1,000. */
  maxBatch?: number;
  /**
   * From the beginning of a batch that reached the end of its partition to the next fetch, in ms: what is written meanwhile is
   * handled together, which costs less. A lone message does not wait for it, nor does a reader that is behind. Default 0.
   */
  restMs?: number;
  /** Told of every failure that is being retried, and null once it works again. */
  health?: (error: Error | null) => void;
  /** The group is beyond recovery. Default: log, then exit the process with 1. */
  onFatal?: (error: Error) => void;
  /** A member silent for this long loses its partitions. Default 15,000 ms. */
  sessionTimeoutMs?: number;
  /** Default: a tenth of the session time-out. */
  heartbeatIntervalMs?: number;
  /** How long a rebalance waits for a busy member; a batch that takes longer then is handled again. Default 30,000 ms. */
  rebalanceTimeoutMs?: number;
  /** The longest pause between two tries of a failing batch. Default 30,000 ms. */
  maxBackoffMs?: number;
}

export interface GroupConsumer {
  /** Resolves when the group is joined. While Kafka is away it keeps trying and tells `health`. */
  start(): Promise<void>;
  /** Lets running handlers finish, commits what they did and leaves the group. */
  stop(): Promise<void>;
  /** Messages behind the end of each partition this member owns, as of the last fetch. */
  lag(): Map<number, number>;
  /** Stops fetching; membership is kept. */
  pause(): void;
  resume(): void;
}

/** A message of a broadcast, not parsed: the reader decides on the key first. */
export interface BroadcastMessage {
  /** Empty when the message has no key. */
  key: string;
  rawValue: Buffer;
  partition: number;
  offset: string;
  headers: TextHeaders;
  /** Milliseconds since 1970 as a decimal string. */
  timestamp: string;
}

export type BroadcastHandler = (message: BroadcastMessage) => void | Promise<void>;

export interface BroadcastOptions {
  topics: readonly TopicName[];
  /** Begins the group's id; a random part is added, so that each start is a group of its own. */
  replicaId: string;
  /** One for each of `topics`. Called in order per partition; an error is tried again twice, then the message is skipped. */
  handlers: Partial<Record<TopicName, BroadcastHandler>>;
  /** Messages of the partition may have been missed: read the state again. Everything later is delivered. */
  onReset: (topic: TopicName, partition: number) => void;
  health?: (error: Error | null) => void;
  /** The consumer is beyond recovery. Default: log, then exit the process with 1. */
  onFatal?: (error: Error) => void;
  /** Default 15,000 ms. */
  sessionTimeoutMs?: number;
}

/** Every message of the topics to this replica, from `start()` on. */
export interface Broadcast {
  /** Resolves when every partition is sought to an end offset fetched after the call, and that is committed. */
  start(): Promise<void>;
  /** Leaves and deletes the group. Never rejects. */
  stop(): Promise<void>;
}

export interface TopicLayout {
  partitions: number;
  replicationFactor: number;
}

/** The way to Kafka of one process. Holds no connection itself: its producers and consumers do. */
export interface KafkaClient {
  /** Creates what is missing of all topics and their dead-letter topics. Safe to run at the same time twice. */
  ensureTopics(layout: TopicLayout): Promise<{ created: string[] }>;
  /** Throws an Error that names every missing topic or wrong partition count, and the remedy. */
  checkTopics(expected?: { partitions?: number }): Promise<void>;
  /** As {@link checkTopics}, and asks again for as long as the cluster does not answer. */
  awaitTopics(): Promise<void>;
  /** Throws when the cluster does not answer within 2 s. */
  ping(): Promise<void>;
  producer(options?: ProducerOptions): Producer;
  consumeGroup<T extends TopicName>(options: GroupOptions<T>): GroupConsumer;
  broadcast(options: BroadcastOptions): Broadcast;
}
