import type { Database } from '@governsai/db';
import { Gauge, type Logger } from '@governsai/service';
import { checkBudgets } from './store/check.ts';

export interface MaintenanceOptions {
  db: Database;
  log: Logger;
  /** Days that usage, closed holds and the log of webhooks are kept. */
  retentionDays: number;
  /** Milliseconds between two checks of the books. */
  checkIntervalMs: number;
}

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** Rows deleted in one statement. */
const AT_ONCE = 5000;

const mismatches = new Gauge({
  name: 'governsai_budget_mismatches',
  help: 'Sums of budgets that were not what they are the sum of, as of the last check by this tracker. Anything but 0 is a defect.',
});
const checkedAt = new Gauge({
  name: 'governsai_budget_checked_timestamp_seconds',
  help: 'When this tracker last checked the books, seconds since the epoch.',
});

/** Checks the books and deletes what is past its time, for ever, quietly. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  start(): void {
    const every = (ms: number, work: () => Promise<void>, what: string) => {
      const timer = setInterval(() => this.#queue(work, what), ms);
      timer.unref();
      this.#timers.push(timer);
    };
    every(this.#options.checkIntervalMs, () => this.check(), 'the books could not be checked');
    every(HOUR_MS, () => this.prune(), 'what is past its time could not be deleted');
    this.#queue(() => this.check(), 'the books could not be checked');
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#running;
  }

  #queue(work: () => Promise<void>, failure: string): void {
    this.#running = this.#running.then(work).catch((error) => {
      this.#options.log.warn({ err: error }, `${failure}, it is tried again at the next time`);
    });
  }

  /** Compares every sum with what it is the sum of, and tells by metric and log. */
  async check(): Promise<void> {
    const found = await checkBudgets(this.#options.db);
    mismatches.set(found.length);
    checkedAt.set(Date.now() / 1000);
    for (const mismatch of found) this.#options.log.error({ mismatch }, 'a budget does not add up');
  }

  async prune(): Promise<void> {
    const { db, retentionDays } = this.#options;
    const before = new Date(Date.now() - retentionDays * DAY_MS).toISOString();
    for (const name of ['prune_usage', 'prune_holds', 'prune_webhook_log']) {
      for (let pruned = AT_ONCE; pruned >= AT_ONCE; ) {
        const [row] = await db.system.query<{ pruned: number }>(`SELECT ${name}($1, $2) AS pruned`, [before, AT_ONCE]);
        pruned = row?.pruned ?? 0;
      }
    }
  }
}
