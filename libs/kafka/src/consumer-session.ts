import type { Consumer, EachBatchPayload } from 'kafkajs';
import { asError, persist } from './backoff.ts';
import { type KafkaOptions, openClient } from './connection.ts';
import type { KafkaLogListener } from './kafka-log.ts';

interface SessionOptions {
  groupId: string;
  /** As Kafka knows them. */
  topics: string[];
  /** Where a partition without a committed offset begins. */
  fromBeginning: boolean;
  concurrency: number;
  sessionTimeoutMs: number;
  heartbeatIntervalMs: number;
  rebalanceTimeoutMs: number;
  /** Called in the tick of every join, before anything is fetched, with the partitions of each topic. */
  onJoin: (assignment: Readonly<Record<string, number[]>>) => void;
  eachBatch: (payload: EachBatchPayload) => Promise<void>;
  health: (error: Error | null) => void;
  onFatal?: ((error: Error) => void) | undefined;
  onLog?: KafkaLogListener;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** How long `stop` waits for a join under way: the broker answers it only when the whole group has joined. */
const STOP_JOIN_MS = 5_000;

/** A consumer's life: connect, join, crash and come back, leave. What is done with the messages is the owner's matter. */
export class ConsumerSession {
  readonly #kafka: KafkaOptions;
  readonly #options: SessionOptions;
  readonly #consumer: Consumer;
  readonly #stop = new AbortController();
  #starting: Promise<void> | null = null;
  #generation = 0;
  #joined = false;

  constructor(kafka: KafkaOptions, options: SessionOptions) {
    this.#kafka = kafka;
    this.#options = options;
    this.#consumer = openClient(kafka, REQUEST_TIMEOUT_MS, options.onLog).consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      maxWaitTimeInMs: 100,
      minBytes: 1,
      maxBytesPerPartition: 1024 * 1024,
      maxBytes: 10 * 1024 * 1024,
      allowAutoTopicCreation: false,
      retry: {
        retries: 8,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        factor: 0.2,
        multiplier: 2,
        restartOnFailure: async () => !this.#stop.signal.aborted,
      },
    });
  }

  /** The client's consumer, for commits, seeks and pauses. */
  get consumer(): Consumer {
    return this.#consumer;
  }

  /** Aborted when `stop` is called. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** Counts the joins: what was fetched under another number may belong to another member by now. */
  get generation(): number {
    return this.#generation;
  }

  /** True between a join and a crash: only then does the client take seeks and pauses. */
  get joined(): boolean {
    return this.#joined;
  }

  /** Resolves when the group is joined; rejects only when it never can be, or `stop` was called. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Waits for running batches and leaves the group. Never rejects. */
  async stop(): Promise<void> {
    this.#stop.abort();
    if (!this.#starting) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_JOIN_MS);
    });
    await Promise.race([this.#starting.catch(() => {}), late]);
    clearTimeout(timer);
    this.#joined = false;
    await this.#consumer.disconnect().catch((error: unknown) => {
      this.#kafka.log.warn(
        { err: asError(error), groupId: this.#options.groupId },
        'the consumer could not leave its group',
      );
    });
  }

  async #start(): Promise<void> {
    const { topics, fromBeginning, groupId, concurrency } = this.#options;
    const joined = this.#watch();
    await persist(
      async () => {
        await this.#consumer.connect();
        await this.#consumer.subscribe({ topics, fromBeginning });
      },
      {
        signal: this.#stop.signal,
        onFailure: (error, attempt) => {
          this.#options.health(error);
          this.#kafka.log.warn({ err: error, groupId, topics, attempt }, 'Kafka cannot be reached yet, trying again');
        },
      },
    );
    if (this.#stop.signal.aborted) throw new Error('stopped before the group was joined');
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch: this.#options.eachBatch,
    });
    await joined;
  }

  /** Listens for joins and crashes. The promise settles with the first join, or when there will be none. */
  #watch(): Promise<void> {
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    const { groupId } = this.#options;
    const joined = new Promise<void>((resolve, reject) => {
      this.#consumer.on(GROUP_JOIN, ({ payload }) => {
        this.#generation++;
        this.#joined = true;
        this.#options.onJoin(payload.memberAssignment);
        this.#options.health(null);
        resolve();
      });
      this.#consumer.on(CRASH, ({ payload }) => {
        const error = asError(payload.error);
        this.#generation++;
        this.#joined = false;
        if (this.#stop.signal.aborted) return reject(error);
        this.#options.health(error);
        if (payload.restart) {
          this.#kafka.log.warn({ err: error, groupId }, 'the consumer lost the cluster and starts again');
          return;
        }
        reject(error);
        this.#fatal(error);
      });
    });
    // A crash after the first join must not count as unhandled.
    joined.catch(() => {});
    return joined;
  }

  #fatal(error: Error): void {
    if (this.#options.onFatal) {
      this.#options.onFatal(error);
      return;
    }
    const { groupId } = this.#options;
    this.#kafka.log.fatal({ err: error, groupId }, 'the consumer cannot go on; exiting, so that it is started again');
    process.exit(1);
  }
}
