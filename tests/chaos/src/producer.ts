import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosOrg } from './orgs.ts';
import type { Random } from './random.ts';
import type { Outcome, Transport } from './transports.ts';

/** One try to send a decision, and what it came to. Times in milliseconds since the epoch. */
export interface Try {
  transport: string;
  /** When this key was sent for the first time. */
  firstSentAt: number;
  sentAt: number;
  answeredAt: number;
  outcome: Outcome;
}

/**
 * Batches that a producer has open at most. A client's buffer is bounded; were it not, a slow machine would drown in tries
 * that nobody waits for any more, and show nothing of the system.
 */
const MAX_OPEN = 8;
/** The longest pause between two tries: all producers together must leave a busy machine room to recover. */
const MAX_PAUSE_MS = 4000;
/** How long after {@link ChaosProducer.stop} it goes on trying. */
const GIVE_UP_MS = 120_000;

/**
 * One producer of an org: sends at its rate, and again, with the same key, until it is told that a decision is kept. That
 * is all a client may rely on, and what the checks hold the system to.
 */
export class ChaosProducer {
  /** The decision id that each idempotency key was ACKed with. */
  readonly acked = new Map<string, string>();
  readonly tries: Try[] = [];
  /** Decisions that were not ACKed in time after everything was over. */
  givenUp = 0;
  readonly #org: ChaosOrg;
  readonly #name: string;
  readonly #random: Random;
  readonly #transport: Transport;
  readonly #firstSentAt = new Map<string, number>();
  #next = 0;
  #stopped = false;
  #giveUpAt = Number.POSITIVE_INFINITY;
  #sending = new Set<Promise<void>>();

  constructor(org: ChaosOrg, name: string, random: Random, transport: Transport) {
    this.#org = org;
    this.#name = name;
    this.#random = random;
    this.#transport = transport;
  }

  /** Sends `perSecond` decisions until {@link stop}; fewer while too many are not ACKed. */
  async run(perSecond: number, batch: number): Promise<void> {
    const pause = (1000 * batch) / perSecond;
    let due = performance.now();
    while (!this.#stopped) {
      const keys = Array.from({ length: batch }, () => `${this.#name}-${this.#next++}`);
      // Clients repeat what they are not sure of: now and then one that was ACKed long ago.
      if (this.#random.next() < 0.05 && this.#next > 100)
        keys.push(`${this.#name}-${this.#random.between(0, this.#next - 50)}`);
      const sending = this.#untilAcked(keys).finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
      due = Math.max(due + pause, performance.now());
      await delay(due - performance.now());
      if (this.#sending.size >= MAX_OPEN) await Promise.race(this.#sending);
    }
  }

  /** Sends nothing new; resolves when everything sent has been ACKed, or given up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#giveUpAt = Date.now() + GIVE_UP_MS;
    await Promise.all(this.#sending);
    this.#transport.close();
  }

  async #untilAcked(keys: readonly string[]): Promise<void> {
    let open = keys.map((key) => ({ key, message: this.#message(key) }));
    for (let pause = 100; open.length > 0; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
      const [asked, left] = [open, new Set(open)];
      const sentAt = Date.now();
      await this.#transport.send(
        asked.map((item) => item.message),
        (i, outcome) => {
          const item = asked[i];
          if (!item) return;
          this.#note(item.key, sentAt, outcome);
          if (outcome.kind === 'acked') left.delete(item);
        },
      );
      open = [...left];
      if (Date.now() > this.#giveUpAt) {
        this.givenUp += open.length;
        return;
      }
      if (open.length > 0) await delay(pause / 2 + (pause / 2) * Math.random());
    }
  }

  #note(key: string, sentAt: number, outcome: Outcome): void {
    const firstSentAt = this.#firstSentAt.get(key) ?? sentAt;
    this.#firstSentAt.set(key, firstSentAt);
    this.tries.push({ transport: this.#transport.name, firstSentAt, sentAt, answeredAt: Date.now(), outcome });
    if (outcome.kind !== 'acked' || this.acked.has(key)) return;
    this.acked.set(key, outcome.decisionId);
    this.#org.acked++;
  }

  #message(key: string): object {
    const cents = [...key].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 100;
    return {
      type: 'INGEST',
      schema: 'decision.v1',
      idempotencyKey: key,
      data: {
        orgId: this.#org.id,
        direction: 'precheck',
        decision: 'allow',
        tool: `tool-${cents % 7}`,
        correlationId: key,
        usage: { cost: `0.${String(cents).padStart(2, '0')}0000000001`, currency: 'USD' },
      },
    };
  }
}
