import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Message } from 'kafkajs';
import type { Logger } from 'pino';
import { asError, backoffMs, hasCause, NEVER, pause } from './backoff.ts';
import { produced, retries, sendFailures, sendSeconds } from './metrics.ts';
import type { ProducerLink } from './producer-link.ts';
import { requestLength } from './request-size.ts';

/** One message on its way. Settled once, by the broker's answer or by its deadline. */
export interface Sending {
  message: Message;
  bytes: number;
  /** `performance.now()` after which it is rejected. Grows from entry to entry of a lane. */
  deadline: number;
  settled: boolean;
  resolve: () => void;
  reject: (cause: Error) => void;
}

interface LaneOptions {
  /** The topic as Kafka knows it. */
  topic: string;
  /** The topic in metrics. */
  label: string;
  link: ProducerLink;
  lingerMs: number;
  log: Logger;
  /** Told of the bytes that do not wait here any more. */
  release: (bytes: number) => void;
}

/** The queue of one topic. One request is in flight, what arrives meanwhile goes with the next: that keeps the order. */
export class SendLane {
  readonly #options: LaneOptions;
  readonly #queue: Sending[] = [];
  #inFlight: Sending[] = [];
  #allExpired: () => void = () => {};
  #timer: NodeJS.Timeout | null = null;
  #running = false;
  #lastError: Error = new Error('the broker has not answered yet');

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Queues an entry; it will be settled by its deadline at the latest. */
  push(entry: Sending): void {
    this.#queue.push(entry);
    this.#watchDeadlines();
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#options.lingerMs > 0) await pause(this.#options.lingerMs, NEVER);
    else await endOfTurn();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, requestLength(this.#queue));
      this.#inFlight = batch;
      await this.#write(batch);
      this.#inFlight = [];
      this.#options.release(batch.reduce((sum, entry) => sum + entry.bytes, 0));
    }
    this.#running = false;
  }

  /** Tries until the batch is confirmed, refused for good or expired. Never rejects. */
  async #write(batch: Sending[]): Promise<void> {
    const expired = new Promise<'expired'>((resolve) => {
      this.#allExpired = () => resolve('expired');
    });
    for (let attempt = 1; ; attempt++) {
      const live = batch.filter((entry) => !entry.settled);
      if (live.length === 0) return;
      const outcome = await Promise.race([this.#request(live), expired]);
      if (outcome === 'confirmed') return;
      // A request nobody waits for any more may still be under way: on a connection of its own from here on.
      this.#options.link.discard();
      if (outcome === 'expired') return;
      this.#lastError = outcome;
      if (isRefusal(outcome)) {
        this.#options.log.error({ topic: this.#options.topic, err: outcome }, 'Kafka refused messages');
        this.#settle(live, outcome);
        return;
      }
      retries.inc({ topic: this.#options.label, side: 'produce' });
      await Promise.race([pause(backoffMs(attempt, 50, 500), NEVER), expired]);
    }
  }

  async #request(live: Sending[]): Promise<'confirmed' | Error> {
    const { topic, label, link } = this.#options;
    const stop = sendSeconds.startTimer({ topic: label });
    try {
      await link.send(
        topic,
        live.map((entry) => entry.message),
      );
    } catch (error) {
      return asError(error);
    }
    stop();
    let confirmed = 0;
    for (const entry of live) {
      // Rejected by its deadline a moment ago: the sender was told otherwise, which a retry repairs.
      if (entry.settled) continue;
      entry.settled = true;
      entry.resolve();
      confirmed++;
    }
    produced.inc({ topic: label }, confirmed);
    return 'confirmed';
  }

  #settle(entries: Sending[], cause: Error): void {
    for (const entry of entries) {
      if (entry.settled) continue;
      entry.settled = true;
      entry.reject(cause);
      sendFailures.inc({ topic: this.#options.label });
    }
  }

  /** One timer for the entry that expires first: the oldest unsettled one. */
  #watchDeadlines(): void {
    if (this.#timer) return;
    const oldest = this.#inFlight.find((entry) => !entry.settled) ?? this.#queue[0];
    if (!oldest) return;
    const wait = Math.max(1, Math.ceil(oldest.deadline - performance.now()));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#expire();
      this.#watchDeadlines();
    }, wait);
    this.#timer.unref();
  }

  #expire(): void {
    const now = performance.now();
    this.#settle(
      this.#inFlight.filter((entry) => entry.deadline <= now),
      this.#lastError,
    );
    if (this.#inFlight.length > 0 && this.#inFlight.every((entry) => entry.settled)) this.#allExpired();
    const firstLive = this.#queue.findIndex((entry) => entry.deadline > now);
    const dropped = this.#queue.splice(0, firstLive < 0 ? this.#queue.length : firstLive);
    if (dropped.length === 0) return;
    this.#settle(dropped, this.#lastError);
    this.#options.release(dropped.reduce((sum, entry) => sum + entry.bytes, 0));
  }
}

/** The broker understood and said no: too large, not allowed. Everything else may work on another try. */
function isRefusal(error: Error): boolean {
  return hasCause(
    error,
    (cause) => cause.name === 'KafkaJSProtocolError' && 'retriable' in cause && cause.retriable === false,
  );
}
