import type { BudgetsChanged } from '@governsai/contracts';
import { type Framed, frameText } from '@governsai/socket';
import type { Subscriber } from '../streams/subscription.ts';
import { budgetUpdateOf } from './budget-update.ts';

/** Unsent bytes of a socket above which a budget's update waits and is replaced by the next one. */
const CONFLATE_BYTES = 64 * 1024;
const DRAIN_CHECK_MS = 1000;

interface Latest {
  version: number;
  frame: Framed;
}

/**
 * The latest state of each budget of one org. A state with a version that is not higher than the one known is dropped,
 * wherever it comes from, so that Kafka's repeats and reads of PostgreSQL may cross in any order.
 */
export class BudgetBoard {
  readonly #read: () => Promise<readonly BudgetsChanged[]>;
  readonly #latest = new Map<string, Latest>();
  readonly #subscriptions = new Set<BudgetSubscription>();
  /** Budgets heard of while a read is under way: the read may be too old to have them. */
  #heard = new Set<string>();
  #loading: Promise<void> | null = null;
  #isLoaded = false;
  #joining = 0;

  /** `read` gives the stored states of the org's budgets; rejects with UNAVAILABLE. */
  constructor(read: () => Promise<readonly BudgetsChanged[]>) {
    this.#read = read;
  }

  get inUse(): boolean {
    return this.#joining > 0 || this.#subscriptions.size > 0;
  }

  /** A message of the topic, in any order, any number of times. */
  receive(state: BudgetsChanged): void {
    this.#heard.add(state.budgetId);
    this.#put(state);
  }

  /** A new subscription, not started yet. Rejects with UNAVAILABLE when the states are neither known nor readable. */
  async subscribe(subscriber: Subscriber): Promise<BudgetSubscription> {
    this.#joining++;
    try {
      await this.load().catch((error: unknown) => {
        // Since it was loaded every change has been heard.
        if (!this.#isLoaded) throw error;
      });
      const subscription = new BudgetSubscription(this, subscriber);
      this.#subscriptions.add(subscription);
      return subscription;
    } finally {
      this.#joining--;
    }
  }

  /** Reads the stored states; calls at the same time share one read. Rejects with UNAVAILABLE. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** As `load`, with a read that begins after the call. */
  async reload(): Promise<void> {
    await this.#loading?.catch(() => {});
    await this.load();
  }

  budgetIds(): Iterable<string> {
    return this.#latest.keys();
  }

  frameOf(budgetId: string): Framed | undefined {
    return this.#latest.get(budgetId)?.frame;
  }

  remove(subscription: BudgetSubscription): void {
    this.#subscriptions.delete(subscription);
  }

  async #load(): Promise<void> {
    this.#heard = new Set();
    const states = await this.#read();
    for (const state of states) this.#put(state);
    const stored = new Set(states.map(({ budgetId }) => budgetId));
    for (const budgetId of this.#latest.keys()) {
      // Archived or deleted since.
      if (!stored.has(budgetId) && !this.#heard.has(budgetId)) this.#latest.delete(budgetId);
    }
    this.#isLoaded = true;
  }

  #put(state: BudgetsChanged): void {
    const known = this.#latest.get(state.budgetId);
    if (known && known.version >= state.version) return;
    this.#latest.set(state.budgetId, {
      version: state.version,
      frame: frameText(JSON.stringify(budgetUpdateOf(state))),
    });
    for (const subscription of this.#subscriptions) subscription.changed(state.budgetId);
  }
}

/** One socket's view of a board: every budget's latest state; of the states between, those the socket has time for. */
export class BudgetSubscription {
  readonly #board: BudgetBoard;
  readonly #subscriber: Subscriber;
  readonly #changed = new Set<string>();
  #started = false;
  #ended = false;
  #waiting = false;

  constructor(board: BudgetBoard, subscriber: Subscriber) {
    this.#board = board;
    this.#subscriber = subscriber;
  }

  /** Sends the state of each budget, then each change. */
  start(): void {
    this.#started = true;
    for (const budgetId of this.#board.budgetIds()) this.#changed.add(budgetId);
    this.#flush();
  }

  changed(budgetId: string): void {
    this.#changed.add(budgetId);
    if (this.#started && !this.#waiting) this.#flush();
  }

  end(): void {
    this.#ended = true;
    this.#board.remove(this);
  }

  #flush(): void {
    for (const budgetId of this.#changed) {
      if (this.#subscriber.bufferedBytes >= CONFLATE_BYTES) {
        void this.#flushLater();
        return;
      }
      this.#changed.delete(budgetId);
      const frame = this.#board.frameOf(budgetId);
      if (frame) this.#subscriber.sendFramed(frame);
    }
  }

  async #flushLater(): Promise<void> {
    this.#waiting = true;
    while (!this.#ended && this.#subscriber.isOpen && this.#subscriber.bufferedBytes >= CONFLATE_BYTES) {
      await this.#subscriber.drained(DRAIN_CHECK_MS);
    }
    this.#waiting = false;
    if (!this.#ended) this.#flush();
  }
}
