import { createKafka, type DeadLetter, type KafkaOptions, listDeadLetters } from '@governsai/kafka';
import { createLogger } from '@governsai/service';

/** The topics that a consumer group reads, which gives up what it cannot read. */
const READ_BY_GROUPS = ['decisions.submitted', 'decisions.recorded', 'audit.recorded'] as const;

/** Provokes dead letters, and knows which those are. */
export class DeadLetters {
  readonly #options: KafkaOptions;
  readonly #seen = new Set<string>();
  #provoked = new Set<string>();
  #count = 0;

  constructor(brokers: readonly string[]) {
    this.#options = { brokers, clientId: 'chaos', topicPrefix: '', log: createLogger('chaos', 'silent') };
  }

  /** Writes what nobody can read to each topic, `each` messages. */
  async provoke(each: number): Promise<void> {
    const producer = createKafka(this.#options).producer();
    try {
      for (const topic of READ_BY_GROUPS) {
        for (let i = 0; i < each; i++) {
          const key = `poison-${this.#count++}`;
          this.#provoked.add(`${topic} ${key}`);
          await producer.send(topic, { key, value: { json: i % 2 === 0 ? 'poison' : '{"poison":true}' } });
        }
      }
    } finally {
      await producer.close();
    }
  }

  /** True once there is a dead letter for everything provoked; false also while Kafka cannot say. */
  async arrived(): Promise<boolean> {
    try {
      const there = new Set((await this.#new()).map(({ topic, key }) => `${topic} ${key}`));
      return [...this.#provoked].every((one) => there.has(one));
    } catch {
      return false;
    }
  }

  /** What became of messages since the last call and should not have, in words. */
  async take(): Promise<string[]> {
    const letters = await this.#new();
    const wanted = this.#provoked;
    this.#provoked = new Set();
    const faults: string[] = [];
    for (const letter of letters) {
      this.#seen.add(placeOf(letter));
      const { topic, key, source, reason, error } = letter;
      if (!wanted.delete(`${topic} ${key}`))
        faults.push(`dead letter of ${topic} ${source} (${key}): ${reason}; ${error}`);
    }
    return [...faults, ...[...wanted].map((one) => `no dead letter of ${one}`)];
  }

  async #new(): Promise<DeadLetter[]> {
    const all = await listDeadLetters(this.#options, { limit: 100_000 });
    return all.filter((letter) => !this.#seen.has(placeOf(letter)));
  }
}

function placeOf({ topic, partition, offset }: DeadLetter): string {
  return `${topic}/${partition}/${offset}`;
}
