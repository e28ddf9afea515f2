import type { Database } from '@governsai/db';
import type { Logger } from '@governsai/service';
import { closeBooks, openBooks } from './books.ts';
import { openStates } from './holds/open-states.ts';
import { expireHolds } from './holds/sweep.ts';
import { databaseTime } from './store/database-time.ts';

export interface DeadlinesOptions {
  db: Database;
  log: Logger;
  /** Called when events may wait in the outbox. */
  wake: () => void;
  /** Told of a failure, and null once it works again. */
  health: (error: unknown) => void;
  /** Longest time between two looks, ms: what was made meanwhile may be due as late. 500 unless given. */
  pollMs?: number;
}

/** Budgets or holds looked up at once. */
const AT_ONCE = 500;
const OPEN_EVERY_MS = 60_000;
const SHORTEST_PAUSE_MS = 5;

/**
 * Does what the clock demands: rolls budgets over when their period ends, so that everybody is told then, and expires holds.
 * By the time of the database; any number of trackers may run it at once, for each step is done under the locks of what it
 * changes.
 */
export class Deadlines {
  readonly #options: Required<DeadlinesOptions>;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #openedAt = 0;
  #failed = false;

  constructor(options: DeadlinesOptions) {
    this.#options = { pollMs: 500, ...options };
  }

  /** Begins to look. Returns at once. */
  start(): void {
    this.#schedule(0);
  }

  /** Resolves when the step under way is settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, ms);
  }

  async #run(): Promise<void> {
    const { health, log, pollMs } = this.#options;
    try {
      const pause = await this.tick();
      if (this.#failed) health(null);
      this.#failed = false;
      this.#schedule(pause);
    } catch (error) {
      health(error);
      if (!this.#failed) log.warn({ err: error }, 'periods and holds could not be looked after, trying again');
      this.#failed = true;
      this.#schedule(pollMs);
    }
  }

  /** Does what is due and says in how many milliseconds something is again. */
  async tick(): Promise<number> {
    const { db, wake, pollMs } = this.#options;
    if (Date.now() - this.#openedAt >= OPEN_EVERY_MS) {
      await forEachOrg(db, 'SELECT org_id, budget_id AS id FROM budgets_to_open($1)', (orgId, ids) =>
        openStates(db, orgId, ids),
      );
      this.#openedAt = Date.now();
      wake();
    }
    const due = await this.#due();
    if (due.period <= 0) {
      await forEachOrg(db, 'SELECT org_id, budget_id AS id FROM budgets_to_roll($1)', (orgId, ids) =>
        rollBudgets(db, orgId, ids),
      );
    }
    if (due.hold <= 0) {
      await forEachOrg(db, 'SELECT org_id, hold_id AS id FROM holds_to_expire($1)', (orgId) => expireHolds(db, orgId));
    }
    if (due.period <= 0 || due.hold <= 0) wake();
    const next = await this.#due();
    return Math.min(pollMs, Math.max(SHORTEST_PAUSE_MS, Math.ceil(Math.min(next.period, next.hold))));
  }

  /** Milliseconds until the next period ends and the next hold expires. */
  async #due(): Promise<{ period: number; hold: number }> {
    const [row] = await this.#options.db.system.query<{ period_ms: number | null; hold_ms: number | null }>(
      'SELECT period_ms, hold_ms FROM budget_deadlines()',
    );
    const never = Number.POSITIVE_INFINITY;
    return { period: row?.period_ms ?? never, hold: row?.hold_ms ?? never };
  }
}

async function rollBudgets(db: Database, orgId: string, ids: readonly string[]): Promise<void> {
  await db.transaction([orgId], async (tx) => {
    const now = await databaseTime(tx);
    const open = await openBooks(tx, ids, now);
    const rolled = open.filter((one) => one.rolled);
    const changed = rolled.map(({ budget, state }) => ({ budget, state: { ...state, version: state.version + 1 } }));
    await closeBooks(tx, changed, [], now);
  });
}

async function forEachOrg(
  db: Database,
  lookUp: string,
  work: (orgId: string, ids: string[]) => Promise<unknown>,
): Promise<void> {
  const rows = await db.system.query<{ org_id: string; id: string }>(lookUp, [AT_ONCE]);
  const byOrg = new Map<string, string[]>();
  for (const { org_id, id } of rows) byOrg.set(org_id, [...(byOrg.get(org_id) ?? []), id]);
  for (const [orgId, ids] of byOrg) await work(orgId, ids);
}
