import type { TopicName } from '@governsai/contracts';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { asError, backoffMs, pause } from './backoff.ts';
import { BatchAttempts } from './batch-attempts.ts';
import type { KafkaOptions } from './connection.ts';
import { ConsumerSession } from './consumer-session.ts';
import { Lease } from './lease.ts';
import { batchSize, consumed, deadLetters, handleSeconds, lagGauge, retries } from './metrics.ts';
import { GroupCommitProducer } from './producer.ts';
import type { GroupConsumer, GroupOptions } from './types.ts';

const FIRST_BACKOFF_MS = 200;

/** See {@link GroupConsumer} and {@link GroupOptions}. */
export class BatchGroupConsumer<T extends TopicName> implements GroupConsumer {
  readonly #kafka: KafkaOptions;
  readonly #options: GroupOptions<T>;
  readonly #labels: { topic: string; group: string };
  readonly #kafkaTopic: string;
  readonly #sessionTimeoutMs: number;
  readonly #heartbeatIntervalMs: number;
  readonly #session: ConsumerSession;
  readonly #deadLetters: GroupCommitProducer;
  readonly #lag = new Map<number, number>();
  readonly #failing = new Set<number>();
  #paused = false;

  constructor(kafka: KafkaOptions, options: GroupOptions<T>) {
    this.#kafka = kafka;
    this.#options = options;
    this.#labels = { topic: options.topic, group: options.groupId };
    this.#kafkaTopic = kafka.topicPrefix + options.topic;
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? 15_000;
    this.#heartbeatIntervalMs = options.heartbeatIntervalMs ?? Math.round(this.#sessionTimeoutMs / 10);
    this.#deadLetters = new GroupCommitProducer(kafka);
    // A counter that first appears with its first count would hide that count from a rate.
    deadLetters.inc({ topic: options.topic }, 0);
    retries.inc({ topic: options.topic, side: 'consume' }, 0);
    this.#session = new ConsumerSession(kafka, {
      groupId: kafka.topicPrefix + options.groupId,
      topics: [this.#kafkaTopic],
      fromBeginning: true,
      concurrency: options.concurrency ?? 3,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      heartbeatIntervalMs: this.#heartbeatIntervalMs,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 30_000,
      onJoin: (assignment) => this.#joined(assignment[this.#kafkaTopic] ?? []),
      eachBatch: (payload) => this.#eachBatch(payload),
      health: (error) => this.#tellHealth(error),
      onFatal: options.onFatal,
    });
  }

  async start(): Promise<void> {
    await this.#session.start();
  }

  async stop(): Promise<void> {
    await this.#session.stop();
    await this.#deadLetters.close();
    this.#forgetLag(new Set());
  }

  lag(): Map<number, number> {
    return new Map(this.#lag);
  }

  pause(): void {
    this.#paused = true;
    // Before the first join there is nothing to pause yet: `#joined` will.
    if (this.#session.joined) this.#session.consumer.pause([{ topic: this.#kafkaTopic }]);
  }

  resume(): void {
    this.#paused = false;
    if (this.#session.joined) this.#session.consumer.resume([{ topic: this.#kafkaTopic }]);
  }

  #joined(partitions: readonly number[]): void {
    this.#failing.clear();
    this.#forgetLag(new Set(partitions));
    if (this.#paused) this.#session.consumer.pause([{ topic: this.#kafkaTopic }]);
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { partition, messages, highWatermark } = payload.batch;
    const lease = new Lease({
      payload,
      generation: () => this.#session.generation,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      heartbeatIntervalMs: this.#heartbeatIntervalMs,
    });
    const { maxBatch = 1_000, restMs = 0 } = this.#options;
    const begun = performance.now();
    try {
      await lease.begin();
      this.#setLag(partition, highWatermark, messages[0]?.offset ?? highWatermark);
      for (let from = 0; from < messages.length; from += maxBatch) {
        if (!payload.isRunning() || lease.ended.aborted) return;
        const chunk = messages.slice(from, from + maxBatch);
        if (!(await this.#handleChunk(chunk, payload, lease))) return;
        await this.#commit(chunk, payload);
      }
      const atEnd = messages.length > 0 && this.#lag.get(partition) === 0;
      const rest = begun + restMs - performance.now();
      if (atEnd && rest > 0) await pause(rest, AbortSignal.any([lease.ended, this.#session.stopping]));
    } finally {
      lease.end();
    }
  }

  /** Tries until it works. False when it was left undone or must not be committed. */
  async #handleChunk(chunk: KafkaMessage[], payload: EachBatchPayload, lease: Lease): Promise<boolean> {
    const { partition } = payload.batch;
    const stop = handleSeconds.startTimer(this.#labels);
    const attempts = new BatchAttempts({
      topic: this.#options.topic,
      partition,
      group: this.#options.groupId,
      messages: chunk,
      handler: this.#options.handler,
      heartbeat: () => lease.heartbeat(),
      active: () => lease.active(),
      deadLetters: this.#deadLetters,
    });
    for (let attempt = 1; ; attempt++) {
      try {
        await attempts.attempt();
        this.#recovered(partition);
        stop();
        return lease.active();
      } catch (thrown) {
        // What a handler throws because it was told to stop is no failure of its own.
        if (!lease.active()) return false;
        this.#failed(partition, asError(thrown), attempt, chunk[0]?.offset);
        const wait = backoffMs(attempt, FIRST_BACKOFF_MS, this.#options.maxBackoffMs ?? 30_000);
        const goOn = await pause(wait, AbortSignal.any([lease.ended, this.#session.stopping]));
        if (!goOn || !lease.active() || !payload.isRunning()) return false;
      }
    }
  }

  async #commit(
    chunk: KafkaMessage[],
    { batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload,
  ): Promise<void> {
    const last = chunk.at(-1);
    if (!last) return;
    const next = String(BigInt(last.offset) + 1n);
    consumed.inc(this.#labels, chunk.length);
    batchSize.observe(this.#labels, chunk.length);
    resolveOffset(last.offset);
    // Not `consumer.commitOffsets`: that one does nothing, silently, while the consumer stops.
    await commitOffsetsIfNecessary({
      topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset: next }] }],
    });
    this.#setLag(batch.partition, batch.highWatermark, next);
  }

  #failed(partition: number, error: Error, attempt: number, offset: string | undefined): void {
    this.#failing.add(partition);
    retries.inc({ topic: this.#options.topic, side: 'consume' });
    this.#options.health?.(error);
    const fields = { err: error, topic: this.#options.topic, partition, offset, attempt };
    this.#kafka.log.warn(fields, 'a batch could not be handled, trying again');
  }

  #recovered(partition: number): void {
    if (this.#failing.delete(partition)) this.#tellHealth(null);
  }

  /** All is well only when no partition fails. */
  #tellHealth(error: Error | null): void {
    if (error !== null || this.#failing.size === 0) this.#options.health?.(error);
  }

  #setLag(partition: number, highWatermark: string, next: string): void {
    const lag = Math.max(0, Number(BigInt(highWatermark) - BigInt(next)));
    this.#lag.set(partition, lag);
    lagGauge.set({ ...this.#labels, partition }, lag);
  }

  #forgetLag(keep: ReadonlySet<number>): void {
    for (const partition of this.#lag.keys()) {
      if (keep.has(partition)) continue;
      this.#lag.delete(partition);
      lagGauge.remove({ ...this.#labels, partition });
    }
  }
}
