import type { Producer as KafkaProducer, Message } from 'kafkajs';
import { type KafkaOptions, openClient } from './connection.ts';
import { keyPartitioner } from './key-partitioner.ts';
import { Line } from './line.ts';

interface Client {
  line: Line;
  producer: KafkaProducer;
  /** Settles with the first connection. */
  connected: Promise<void>;
}

/**
 * The connection of a producer. It is made when first needed and thrown away after a failure: a client that has met a
 * broken cluster is not trusted to find its way back. What is thrown away is cut, so that it writes nothing any more but
 * what the broker has already been sent.
 */
export class ProducerLink {
  readonly #options: KafkaOptions;
  readonly #requestTimeoutMs: number;
  #client: Client | null = null;
  #closed = false;

  constructor(options: KafkaOptions, requestTimeoutMs: number) {
    this.#options = options;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /** Connects unless connected. Rejects with the client's error. */
  async connect(): Promise<void> {
    await this.#open().connected;
  }

  /** Resolves when every replica in sync has the messages. The order of the list is kept in each partition. */
  async send(topic: string, messages: Message[]): Promise<void> {
    const client = this.#open();
    await client.connected;
    await client.producer.send({ topic, messages, acks: -1, timeout: this.#requestTimeoutMs });
  }

  /** Cuts the connection; the next send makes a new one. */
  discard(): void {
    const client = this.#client;
    this.#client = null;
    client?.line.cut();
    void client?.producer.disconnect().catch(() => {});
  }

  /** Disconnects for good. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = null;
    await client?.producer.disconnect().catch(() => {});
    client?.line.cut();
  }

  #open(): Client {
    if (this.#closed) throw new Error('the producer is closed');
    if (this.#client) return this.#client;
    const line = new Line(this.#options.socketFactory);
    const producer = openClient(
      { ...this.#options, socketFactory: line.open },
      { requestTimeoutMs: this.#requestTimeoutMs },
    ).producer({
      // An idempotent kafkajs producer reuses sequence numbers after a lost answer and can lose a confirmed message.
      idempotent: false,
      allowAutoTopicCreation: false,
      createPartitioner: keyPartitioner,
    });
    const client: Client = { line, producer, connected: producer.connect() };
    client.connected.catch(() => {
      if (this.#client === client) this.discard();
    });
    this.#client = client;
    return client;
  }
}
