import type { TopicName } from '@governsai/contracts';
import type { KafkaMessage } from 'kafkajs';
import { inBatchSpan } from './message-spans.ts';
import { parseMessage } from './parse-message.ts';
import { isPoison } from './poison.ts';
import type { ConsumedBatch, ConsumedMessage, Producer } from './types.ts';

interface AttemptsOptions<T extends TopicName> {
  topic: T;
  partition: number;
  group: string;
  messages: readonly KafkaMessage[];
  handler: (batch: ConsumedBatch<T>) => Promise<void>;
  heartbeat: () => Promise<void>;
  active: () => boolean;
  deadLetters: Pick<Producer, 'sendDead'>;
}

/**
 * One batch through all its tries. Remembers between them which messages became dead letters, so that each is written
 * once and the handler does not see it again.
 */
export class BatchAttempts<T extends TopicName> {
  readonly #options: AttemptsOptions<T>;
  readonly #sources: Map<string, KafkaMessage>;
  readonly #dead = new Set<string>();

  constructor(options: AttemptsOptions<T>) {
    this.#options = options;
    this.#sources = new Map(options.messages.map((message) => [message.offset, message]));
  }

  /** Parses and handles what is not dead. Throws what the handler, or the writing of a dead letter, threw. */
  async attempt(): Promise<void> {
    const messages: ConsumedMessage<T>[] = [];
    for (const source of this.#options.messages) {
      if (this.#dead.has(source.offset)) continue;
      const message = this.#parse(source);
      // Waits for no message that can be read: a promise each would cost a tenth of its parsing.
      if (message instanceof Error) await this.#bury(source.offset, message.message, message);
      else messages.push(message);
    }
    await this.#handle(messages);
  }

  /** What is wrong with it, when it can never be handled. */
  #parse(source: KafkaMessage): ConsumedMessage<T> | Error {
    try {
      return parseMessage(this.#options.topic, source);
    } catch (error) {
      if (!isPoison(error)) throw error;
      return error;
    }
  }

  /** Calls the handler; on poison with halves, until the one message is found. */
  async #handle(messages: ConsumedMessage<T>[]): Promise<void> {
    const alive = messages.filter((message) => !this.#dead.has(message.offset));
    const [first] = alive;
    if (!first) return;
    try {
      const batch = this.#batch(alive);
      await inBatchSpan(batch, () => this.#options.handler(batch));
    } catch (error) {
      if (!isPoison(error)) throw error;
      if (alive.length === 1) return this.#bury(first.offset, error.message, error);
      const middle = alive.length >> 1;
      await this.#handle(alive.slice(0, middle));
      await this.#handle(alive.slice(middle));
    }
  }

  #batch(messages: ConsumedMessage<T>[]): ConsumedBatch<T> {
    const { topic, partition, group, heartbeat, active } = this.#options;
    return {
      topic,
      partition,
      group,
      messages,
      heartbeat,
      active,
      deadLetter: (message, reason, error) => this.#bury(message.offset, reason, error),
    };
  }

  async #bury(offset: string, reason: string, error: unknown): Promise<void> {
    const source = this.#sources.get(offset);
    if (!source)
      throw new Error(`offset ${offset} is not in this batch; give a message of the batch at hand to deadLetter`);
    if (this.#dead.has(offset)) return;
    const { topic, partition, deadLetters } = this.#options;
    await deadLetters.sendDead(topic, { ...source, partition, headers: source.headers ?? {} }, reason, error);
    this.#dead.add(offset);
  }
}
