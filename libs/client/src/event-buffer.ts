import type { BudgetEvent } from './messages.ts';

/** What has come and was not taken yet. */
export interface EventBuffer<Event> {
  readonly size: number;
  /** The size at which it is full. */
  readonly limit: number;
  /** True when the next one should not come before some are taken. */
  readonly isFull: boolean;
  push(event: Event): void;
  shift(): Event | undefined;
  clear(): void;
}

/** Keeps events in order. */
export class OrderedBuffer<Event> implements EventBuffer<Event> {
  readonly limit: number;
  #events: Event[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#events.length - this.#taken;
  }

  get isFull(): boolean {
    return this.size >= this.limit;
  }

  push(event: Event): void {
    this.#events.push(event);
  }

  shift(): Event | undefined {
    if (this.size === 0) return undefined;
    const event = this.#events[this.#taken++];
    // Taking from the front of an array moves all the rest: done once for many.
    if (this.#taken > this.limit) {
      this.#events = this.#events.slice(this.#taken);
      this.#taken = 0;
    }
    return event;
  }

  clear(): void {
    this.#events = [];
    this.#taken = 0;
  }
}

/** Keeps the latest state of each budget: a slow reader skips the states between. */
export class LatestBudgets implements EventBuffer<BudgetEvent> {
  readonly #latest = new Map<string, BudgetEvent>();
  readonly limit = Number.POSITIVE_INFINITY;
  /** The highest version seen of each budget: what comes late is dropped. */
  readonly #versions = new Map<string, number>();

  get size(): number {
    return this.#latest.size;
  }

  get isFull(): boolean {
    return false;
  }

  push(event: BudgetEvent): void {
    const { budgetId, version } = event.data;
    if (version <= (this.#versions.get(budgetId) ?? 0)) return;
    this.#versions.set(budgetId, version);
    this.#latest.set(budgetId, event);
  }

  shift(): BudgetEvent | undefined {
    for (const [budgetId, event] of this.#latest) {
      this.#latest.delete(budgetId);
      return event;
    }
    return undefined;
  }

  clear(): void {
    this.#latest.clear();
  }
}
