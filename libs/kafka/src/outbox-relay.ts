import type { TopicName } from '@governsai/contracts';
import type { Logger } from 'pino';
import { asError, backoffMs, pause } from './backoff.ts';
import type { OutgoingMessage, Producer, TextHeaders } from './types.ts';

/** An event written in the transaction that caused it, not yet sent. */
export interface OutboxRow {
  topic: TopicName;
  key: string;
  /** The message's value; checked when it was written. */
  value: unknown;
  headers?: TextHeaders | null | undefined;
}

/** Where the rows are. `libs/db` has the one on PostgreSQL. */
export interface OutboxSource {
  /**
   * Hands the service's oldest rows, at most `limit`, in the order they were written to `publish`, and deletes them after
   * it resolved; when it rejects they stay, and so does this call. One caller at a time over all replicas: another gets 0
   * at once. Answers how many rows were relayed.
   */
  relay(service: string, limit: number, publish: (rows: readonly OutboxRow[]) => Promise<void>): Promise<number>;
}

export interface OutboxRelayOptions {
  store: OutboxSource;
  producer: Producer;
  /** Whose rows: the name the service writes with. */
  service: string;
  log: Logger;
  /** How long it rests when it has relayed all there was, unless woken. Default 250 ms. */
  pollMs?: number;
  /** Rows at a time. Default 500. */
  limit?: number;
  /** Told of every failure, and null once it works again. */
  health?: (error: Error | null) => void;
}

/** Sends what the outbox holds until it is confirmed, in order. A crash costs a repeat, never a loss. */
export class OutboxRelay {
  readonly #options: Required<Omit<OutboxRelayOptions, 'health'>> & Pick<OutboxRelayOptions, 'health'>;
  readonly #stopped = new AbortController();
  #rest = new AbortController();
  #woken = false;
  #loop: Promise<void> | null = null;

  constructor(options: OutboxRelayOptions) {
    this.#options = { pollMs: 250, limit: 500, ...options };
  }

  /** Begins to relay. Returns at once. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Says that rows were committed, so that they leave now and not at the next poll. */
  wake(): void {
    this.#woken = true;
    this.#rest.abort();
  }

  /** Resolves when the batch under way is settled. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#rest.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      this.#woken = false;
      try {
        const relayed = await this.#options.store.relay(this.#options.service, this.#options.limit, (rows) =>
          this.#publish(rows),
        );
        if (failures > 0) this.#options.health?.(null);
        failures = 0;
        // What was committed meanwhile has called `wake`, or waits for the next poll.
        if (relayed < this.#options.limit) await this.#sleep(this.#options.pollMs);
      } catch (thrown) {
        const error = asError(thrown);
        failures++;
        this.#options.health?.(error);
        this.#options.log.warn({ err: error, failures }, 'the outbox could not be relayed, trying again');
        await pause(backoffMs(failures, this.#options.pollMs, 5_000), this.#stopped.signal);
      }
    }
  }

  /** Rows of a topic are sent in order; topics do not wait for each other. */
  async #publish(rows: readonly OutboxRow[]): Promise<void> {
    const byTopic = new Map<TopicName, OutgoingMessage[]>();
    for (const { topic, key, value, headers } of rows) {
      const messages = byTopic.get(topic) ?? [];
      messages.push({ key, value: { json: JSON.stringify(value) }, headers: headers ?? undefined });
      byTopic.set(topic, messages);
    }
    await Promise.all(Array.from(byTopic, ([topic, messages]) => this.#options.producer.sendAll(topic, messages)));
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#stopped.signal.aborted) return;
    this.#rest = new AbortController();
    await pause(ms, this.#rest.signal);
  }
}
