import type { Consumer, EachBatchPayload } from 'kafkajs';
import { asError, hasCause, pause, persist } from './backoff.ts';
import { type KafkaOptions, openClient } from './connection.ts';
import type { KafkaLogListener } from './kafka-log.ts';
import { Line } from './line.ts';

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
/**
 * Some 8 s of trying. A client that gives up forgets its membership, and its next join has to wait until the broker has
 * given up on the old self; one that tries for longer holds up `stop`.
 */
const CONNECT_RETRIES = 10;
/** How long `stop` waits for a join under way: the broker answers it only when the whole group has joined. */
const STOP_JOIN_MS = 5_000;
/** Before a client that gave up is set going again. */
const RESTART_PAUSE_MS = 500;
/** Heartbeats missed before the health check is told. */
const SILENCE = 3;

/** A consumer's life: connect, join, crash and come back, leave. What is done with the messages is the owner's matter. */
export class ConsumerSession {
  readonly #kafka: KafkaOptions;
  readonly #options: SessionOptions;
  readonly #consumer: Consumer;
  readonly #stop = new AbortController();
  #starting: Promise<void> | null = null;
  readonly #line: Line;
  #generation = 0;
  #joined = false;
  #lastHeartbeat = performance.now();
  #silent = false;
  #watchdog: NodeJS.Timeout | null = null;

  constructor(kafka: KafkaOptions, options: SessionOptions) {
    this.#kafka = kafka;
    this.#options = options;
    this.#line = new Line(kafka.socketFactory);
    const client = openClient(
      { ...kafka, socketFactory: this.#line.open },
      { requestTimeoutMs: REQUEST_TIMEOUT_MS, retries: CONNECT_RETRIES, listener: options.onLog },
    );
    this.#consumer = client.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      // A fetch is answered as soon as there is something; this is how often it is asked when there is nothing.
      maxWaitTimeInMs: 500,
      minBytes: 1,
      maxBytesPerPartition: 1024 * 1024,
      maxBytes: 10 * 1024 * 1024,
      allowAutoTopicCreation: false,
      retry: {
        retries: CONNECT_RETRIES,
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
    if (this.#watchdog) clearInterval(this.#watchdog);
    await this.#consumer.disconnect().catch((error: unknown) => {
      this.#kafka.log.warn(
        { err: asError(error), groupId: this.#options.groupId },
        'the consumer could not leave its group',
      );
    });
    this.#line.cut();
  }

  async #start(): Promise<void> {
    const joined = this.#watch();
    this.#lastHeartbeat = performance.now();
    await this.#run();
    await joined;
  }

  /** Connects, for as long as that takes, and begins to read. */
  async #run(): Promise<void> {
    const { topics, fromBeginning, groupId, concurrency } = this.#options;
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
  }

  async #runAgain(): Promise<void> {
    if (!(await pause(RESTART_PAUSE_MS, this.#stop.signal))) return;
    try {
      await this.#run();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fatal(asError(error));
    }
  }

  /** Listens to the client. The promise settles with the first join, or when there will be none. */
  #watch(): Promise<void> {
    const { GROUP_JOIN, CRASH, HEARTBEAT, REQUEST_TIMEOUT } = this.#consumer.events;
    const { groupId, heartbeatIntervalMs } = this.#options;
    this.#consumer.on(HEARTBEAT, () => this.#heard());
    this.#consumer.on(REQUEST_TIMEOUT, ({ payload }) => {
      // The client would go on with a connection nobody answers on; the next request makes a new one.
      this.#kafka.log.warn({ groupId, broker: payload.broker, request: payload.apiName }, 'no answer, reconnecting');
      this.#line.cut();
      this.#line.heal();
    });
    this.#watchdog = setInterval(() => this.#checkSilence(), heartbeatIntervalMs);
    this.#watchdog.unref();
    const joined = new Promise<void>((resolve, reject) => {
      this.#consumer.on(GROUP_JOIN, ({ payload }) => {
        this.#generation++;
        this.#joined = true;
        this.#options.onJoin(payload.memberAssignment);
        this.#lastHeartbeat = performance.now();
        this.#silent = false;
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
        if (passesByItself(error)) {
          this.#kafka.log.warn(
            { err: error, groupId },
            'the client gave up on a cluster that is coming; it starts again',
          );
          void this.#runAgain();
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

  #heard(): void {
    this.#lastHeartbeat = performance.now();
    if (!this.#silent) return;
    this.#silent = false;
    this.#options.health(null);
  }

  /** The client tries again without a word; that it gets nowhere shows in the heartbeats alone. */
  #checkSilence(): void {
    const silentMs = performance.now() - this.#lastHeartbeat;
    if (this.#silent || silentMs < SILENCE * this.#options.heartbeatIntervalMs) return;
    this.#silent = true;
    const error = new Error(`Kafka has not answered a heartbeat for ${Math.round(silentMs)} ms; nothing is being read`);
    this.#kafka.log.warn({ groupId: this.#options.groupId, silentMs }, error.message);
    this.#options.health(error);
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

/**
 * kafkajs 2.2.4 calls it final when no broker names the group's coordinator, and does not restart its consumer. A cluster
 * that starts answers so for a while.
 */
function passesByItself(error: Error): boolean {
  return hasCause(error, ({ name }) => name === 'KafkaJSGroupCoordinatorNotFound');
}
