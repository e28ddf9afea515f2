import { AppError, deadLetterTopic, TOPICS, type TopicName, validationError } from '@governsai/contracts';
import type { Message } from 'kafkajs';
import { asError } from './backoff.ts';
import type { KafkaOptions } from './connection.ts';
import { deadLetterHeaders } from './dead-letter.ts';
import { deadLetters, queuedBytes, sendFailures } from './metrics.ts';
import { ProducerLink } from './producer-link.ts';
import { SendLane } from './send-lane.ts';
import { traceSend } from './send-trace.ts';
import { MAX_MESSAGE_BYTES } from './topics.ts';
import type { OutgoingMessage, Producer, ProducerOptions, SourceMessage } from './types.ts';

/** What the record batch adds to a message, at most: lengths, offsets, and the batch's own head. */
const RECORD_OVERHEAD_BYTES = 100;
const RETRY_AFTER_MS = 1_000;

/** Told once: null when the broker has confirmed, else why it did not. */
type Done = (failure: Error | null) => void;

/** See {@link Producer}. */
export class GroupCommitProducer implements Producer {
  readonly #kafka: KafkaOptions;
  readonly #lingerMs: number;
  readonly #maxQueuedBytes: number;
  readonly #sendTimeoutMs: number;
  readonly #link: ProducerLink;
  readonly #lanes = new Map<string, SendLane>();
  #queued = 0;
  #closed = false;
  #drained: (() => void) | null = null;

  constructor(kafka: KafkaOptions, options: ProducerOptions = {}) {
    this.#kafka = kafka;
    this.#lingerMs = options.lingerMs ?? 0;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 64 * 1024 * 1024;
    this.#sendTimeoutMs = options.sendTimeoutMs ?? 4_000;
    this.#link = new ProducerLink(kafka, this.#sendTimeoutMs);
  }

  async connect(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no connection in time')), this.#sendTimeoutMs);
    });
    try {
      await Promise.race([this.#link.connect(), late]);
    } catch (error) {
      this.#link.discard();
      throw this.#unavailable(
        'Kafka cannot be reached; check KAFKA_BROKERS and that the brokers are up',
        asError(error),
      );
    } finally {
      clearTimeout(timer);
    }
  }

  send<T extends TopicName>(topic: T, message: OutgoingMessage<T>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#begin(topic, message, (failure) => (failure === null ? resolve() : reject(failure)));
    });
  }

  async sendAll<T extends TopicName>(topic: T, messages: readonly OutgoingMessage<T>[]): Promise<void> {
    const failure = (await this.sendEach(topic, messages)).find((outcome) => outcome !== null);
    if (failure) throw failure;
  }

  sendEach<T extends TopicName>(topic: T, messages: readonly OutgoingMessage<T>[]): Promise<(Error | null)[]> {
    if (messages.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const outcomes = new Array<Error | null>(messages.length).fill(null);
      let open = messages.length;
      messages.forEach((message, i) => {
        this.#begin(topic, message, (failure) => {
          outcomes[i] = failure;
          open--;
          if (open === 0) resolve(outcomes);
        });
      });
    });
  }

  async sendDead(topic: TopicName, source: SourceMessage, reason: string, error: unknown): Promise<void> {
    const headers = deadLetterHeaders(topic, source, reason, error);
    const letter = { key: source.key, value: source.value, headers };
    await new Promise<void>((resolve, reject) => {
      this.#enqueue(deadLetterTopic(topic), topic, letter, (failure) => (failure ? reject(failure) : resolve()));
    });
    deadLetters.inc({ topic });
  }

  queuedBytes(): number {
    return this.#queued;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Bounded: every entry is settled by its deadline, and a request is given up when all of its entries are.
    if (this.#queued > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    await this.#link.close();
  }

  /**
   * Queues one message; `done` is told of its end. A promise for each message would cost more than the message, where requests
   * hold hundreds: OpenTelemetry's contexts make Node.js follow every promise.
   */
  #begin<T extends TopicName>(topic: T, message: OutgoingMessage<T>, done: Done): void {
    const sending = traceSend(topic, message, this.#kafka.clientId);
    const end: Done = (failure) => {
      sending.end(failure ?? undefined);
      done(failure);
    };
    let value: Buffer;
    try {
      value = serialize(topic, message.value);
    } catch (error) {
      end(asError(error));
      return;
    }
    const headers = { schema: TOPICS[topic].schema, ...message.headers, ...sending.headers };
    this.#enqueue(topic, topic, { key: message.key, value, headers }, end);
  }

  #enqueue(name: string, source: TopicName, message: Message, done: Done): void {
    const bytes = size(message);
    if (name === source && bytes > MAX_MESSAGE_BYTES) {
      const text = `a message of ${bytes} bytes is above the ${MAX_MESSAGE_BYTES} a topic takes; send less at a time`;
      return done(new AppError('PAYLOAD_TOO_LARGE', text));
    }
    if (this.#closed) return done(this.#refusal(name, 'this server is shutting down; send it again'));
    if (this.#queued + bytes > this.#maxQueuedBytes) {
      return done(this.#refusal(name, 'too much is waiting to be written; send it again later'));
    }
    this.#queued += bytes;
    queuedBytes.inc(bytes);
    this.#lane(name).push({
      message,
      bytes,
      deadline: performance.now() + this.#sendTimeoutMs,
      settled: false,
      resolve: () => done(null),
      reject: (cause) => {
        const text = `the write was not confirmed within ${this.#sendTimeoutMs} ms; send it again later`;
        done(this.#unavailable(text, cause));
      },
    });
  }

  #refusal(name: string, text: string): AppError {
    sendFailures.inc({ topic: name });
    return this.#unavailable(text);
  }

  #unavailable(text: string, cause?: Error): AppError {
    return new AppError('UNAVAILABLE', text, { retryAfterMs: RETRY_AFTER_MS, cause });
  }

  #lane(name: string): SendLane {
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = new SendLane({
        topic: this.#kafka.topicPrefix + name,
        label: name,
        link: this.#link,
        lingerMs: this.#lingerMs,
        log: this.#kafka.log,
        release: (bytes) => {
          this.#queued -= bytes;
          queuedBytes.dec(bytes);
          if (this.#queued === 0) this.#drained?.();
        },
      });
      this.#lanes.set(name, lane);
    }
    return lane;
  }
}

function serialize<T extends TopicName>(topic: T, value: OutgoingMessage<T>['value']): Buffer {
  if ('json' in value) return Buffer.isBuffer(value.json) ? value.json : Buffer.from(value.json);
  const checked = TOPICS[topic].value.safeParse(value);
  if (!checked.success) throw validationError(checked.error, topic);
  return Buffer.from(JSON.stringify(value));
}

function size(message: Message): number {
  let bytes = RECORD_OVERHEAD_BYTES + (message.value?.length ?? 0) + (message.key?.length ?? 0);
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    bytes += name.length + 8;
    for (const part of Array.isArray(value) ? value : [value]) bytes += part?.length ?? 0;
  }
  return bytes;
}
