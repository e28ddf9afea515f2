import { AppError } from '@governsai/contracts';
import type { Database, Sql } from '@governsai/db';
import { book } from '../books.ts';
import type { Posting } from '../domain/booking.ts';
import type { Budget } from '../domain/budget.ts';
import { formatDecimal, parseDecimal, ZERO } from '../domain/decimal.ts';
import { wantedOf } from '../domain/hold.ts';
import { periodAt } from '../domain/period.ts';
import { findBudgets } from '../store/budgets.ts';
import { closeHolds, type HoldDetails, holdFromRow, lockHold, settleHoldRow } from '../store/holds.ts';

/** What was spent under a hold. */
export interface Spent {
  /** Of money, a decimal string. */
  amount: string;
  /** Null: as many as were held. */
  tokens: number | null;
}

/**
 * Books what was spent under a hold and gives back what it held, once: the same again, and a hold that its decision has closed,
 * stay as they are. Throws NOT_FOUND; and HOLD_CLOSED when it was settled otherwise, refused or given back, or its time is over.
 */
export function settleHold(db: Database, orgId: string, id: string, spent: Spent): Promise<HoldDetails> {
  return close(db, orgId, id, {
    async open(tx, hold, now) {
      const tokens = spent.tokens ?? hold.tokens;
      const { lines } = holdFromRow(hold);
      const budgets = await findBudgets(tx, hold.budget_ids);
      const spending = { amount: parseDecimal(spent.amount), currency: hold.currency, tokens };
      const postings = lines.map(({ budgetId, held }): Posting => {
        const budget = budgets.get(budgetId);
        const amount = budget ? (wantedOf(budget, spending) ?? ZERO) : ZERO;
        const line = budget && amount !== ZERO ? lineOf(hold, budget, amount, now) : null;
        return {
          budgetId,
          release: held,
          line: line && { ...line, uncovered: amount > held ? amount - held : ZERO },
        };
      });
      const [settled] = await settleHoldRow(tx, id, {
        amount: formatDecimal(spending.amount),
        tokens,
        booked: postings.map(({ line }) => line?.amount ?? ZERO),
        periods: postings.map(({ line }) => line?.periodStart ?? null),
        at: new Date(now).toISOString(),
      });
      await book(tx, { postings }, now);
      return settled;
    },
    isDone: (hold) =>
      hold.status === 'settled' &&
      (hold.settled_amount === null ||
        (parseDecimal(hold.settled_amount) === parseDecimal(spent.amount) &&
          hold.settled_tokens === (spent.tokens ?? hold.tokens))),
  });
}

/** Gives back what a hold held: nothing was spent. Throws NOT_FOUND; and HOLD_CLOSED when it was closed in another way. */
export function releaseHold(db: Database, orgId: string, id: string): Promise<HoldDetails> {
  return close(db, orgId, id, {
    open: (tx, hold, now) => giveBack(tx, hold, 'released', now),
    isDone: (hold) => hold.status === 'released',
  });
}

function lineOf(hold: HoldDetails, budget: Budget, amount: bigint, now: number) {
  return {
    orgId: hold.org_id,
    budgetId: budget.id,
    source: 'hold' as const,
    sourceId: hold.id,
    seq: null,
    amount,
    periodStart: periodAt(budget.periods, now)?.start ?? null,
    occurredAt: now,
    revision: budget.revision,
    priceId: null,
    holdId: hold.id,
  };
}

/** Closes an open hold, which is locked, without booking anything. */
async function giveBack(tx: Sql, hold: HoldDetails, status: 'released' | 'expired', now: number) {
  const [closed] = await closeHolds(tx, [hold.id], status, new Date(now).toISOString());
  const postings = holdFromRow(hold).lines.map(({ budgetId, held }) => ({ budgetId, line: null, release: held }));
  await book(tx, { postings }, now);
  return closed;
}

interface Closing {
  /** Closes an open hold, which is locked, and returns it as it is then. */
  open(tx: Sql, hold: HoldDetails, now: number): Promise<HoldDetails | undefined>;
  /** Whether a closed hold is as it would be after this. */
  isDone(hold: HoldDetails): boolean;
}

async function close(db: Database, orgId: string, id: string, { open, isDone }: Closing): Promise<HoldDetails> {
  const hold = await db.transaction([orgId], async (tx) => {
    const locked = await lockHold(tx, orgId, id);
    if (locked === null) {
      throw new AppError('NOT_FOUND', `org ${orgId} has no hold ${id}: use the holdId it was answered with`);
    }
    const { hold: before, now } = locked;
    if (before.status !== 'open') return before;
    // Over by the clock, not by who is first: the sweep would have come to it a moment later.
    const isOver = Date.parse(before.expires_at) <= now;
    return (await (isOver ? giveBack(tx, before, 'expired', now) : open(tx, before, now))) ?? before;
  });
  if (isDone(hold)) return hold;
  throw new AppError('HOLD_CLOSED', `hold ${id} ${CLOSED[hold.status]}`);
}

const CLOSED: Record<HoldDetails['status'], string> = {
  open: 'is open still: retry',
  refused: 'was refused: nothing was set aside, ask for another hold',
  expired:
    'has expired: what was spent is counted when its decision is recorded; ask for a longer ttlSeconds next time',
  settled: 'is settled already, and what it booked stays: record the decision with its usage to correct it',
  released: 'is released already: what was spent is counted when its decision is recorded',
};
