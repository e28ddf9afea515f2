import { type Producer as KafkaProducer, type Message, Partitioners } from 'kafkajs';
import { type KafkaOptions, openClient } from './connection.ts';

/**
 * The connection of a producer. It is made when first needed and thrown away after a failure: a client that has met a
 * broken cluster is not trusted to find its way back.
 */
export class ProducerLink {
  readonly #options: KafkaOptions;
  readonly #requestTimeoutMs: number;
  #current: Promise<KafkaProducer> | null = null;
  #closed = false;

  constructor(options: KafkaOptions, requestTimeoutMs: number) {
    this.#options = options;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /** Connects unless connected. Rejects with the client's error. */
  async connect(): Promise<void> {
    await this.#producer();
  }

  /** Resolves when every replica in sync has the messages. The order of the list is kept in each partition. */
  async send(topic: string, messages: Message[]): Promise<void> {
    const producer = await this.#producer();
    await producer.send({ topic, messages, acks: -1, timeout: this.#requestTimeoutMs });
  }

  /** Forgets the connection; the next send makes a new one. */
  discard(): void {
    const old = this.#current;
    this.#current = null;
    void old?.then((producer) => producer.disconnect()).catch(() => {});
  }

  /** Disconnects for good. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    const old = this.#current;
    this.#current = null;
    await old?.then((producer) => producer.disconnect()).catch(() => {});
  }

  #producer(): Promise<KafkaProducer> {
    if (this.#closed) return Promise.reject(new Error('the producer is closed'));
    if (this.#current) return this.#current;
    const producer = openClient(this.#options, this.#requestTimeoutMs).producer({
      // An idempotent kafkajs producer reuses sequence numbers after a lost answer and can lose a confirmed message.
      idempotent: false,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    const connecting = producer.connect().then(() => producer);
    this.#current = connecting;
    connecting.catch(() => {
      if (this.#current === connecting) this.#current = null;
      void producer.disconnect().catch(() => {});
    });
    return connecting;
  }
}
