import { setTimeout as delay } from 'node:timers/promises';
import { type BudgetsChanged, budgetsChanged } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { Subscriber } from '../streams/subscription.ts';
import { orUnavailable } from '../unavailable.ts';
import { BudgetBoard, type BudgetSubscription } from './budget-board.ts';

const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5000;

/** The boards of the orgs whose budgets somebody on this replica subscribes to. */
export class BudgetBoards {
  readonly #db: Database;
  readonly #onReadFailure: (error: unknown) => void;
  readonly #boards = new Map<string, BudgetBoard>();

  constructor(db: Database, onReadFailure: (error: unknown) => void) {
    this.#db = db;
    this.#onReadFailure = onReadFailure;
  }

  /** The board of an org that somebody subscribes to: asked before a message is parsed. */
  find(orgId: string): BudgetBoard | undefined {
    return this.#boards.get(orgId);
  }

  async subscribe(orgId: string, subscriber: Subscriber): Promise<BudgetSubscription> {
    const board = this.#boards.get(orgId) ?? new BudgetBoard(() => orUnavailable(readStates(this.#db, orgId)));
    this.#boards.set(orgId, board);
    try {
      return await board.subscribe(subscriber);
    } finally {
      this.release(orgId);
    }
  }

  /** Forgets the board when nobody uses it any more. */
  release(orgId: string): void {
    if (this.#boards.get(orgId)?.inUse === false) this.#boards.delete(orgId);
  }

  /** Messages may have been missed: reads every state again, until that has worked. */
  recheck(): void {
    for (const board of this.#boards.values()) void this.#reload(board);
  }

  async #reload(board: BudgetBoard): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; board.inUse; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      try {
        await board.reload();
        return;
      } catch (error) {
        this.#onReadFailure(error);
        await delay(pause);
      }
    }
  }
}

async function readStates(db: Database, orgId: string): Promise<BudgetsChanged[]> {
  const rows = await db.transaction([orgId], (tx) =>
    tx.query<{ state: unknown }>(
      `SELECT s.state FROM budget_states s JOIN budgets b ON b.id = s.budget_id
       WHERE s.org_id = $1 AND s.state IS NOT NULL AND b.archived_at IS NULL`,
      [orgId],
    ),
  );
  return rows.map(({ state }) => budgetsChanged.parse(state));
}
