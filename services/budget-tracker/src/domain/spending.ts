import type { LedgerLine, Posting } from './booking.ts';
import type { Budget } from './budget.ts';
import { type Decimal, ZERO } from './decimal.ts';
import type { Hold, HoldLine } from './hold.ts';
import { amountFor, candidateOf, isInScope } from './matching.ts';
import { periodAt } from './period.ts';
import type { Recorded } from './recorded.ts';

/** Usage in a currency that a budget cannot count. */
export interface Uncounted {
  budget: Budget;
  currency: string;
}

/** What decisions mean to the books. */
export interface Spendings {
  /** In the order of the decisions. */
  postings: Posting[];
  uncounted: Uncounted[];
}

/** Which budgets there are. */
export interface BudgetIndex {
  /** Those that count a decision by its place in the order, each in the version of that place. */
  counting(orgId: string, seq: number): readonly Budget[];
  /** The present version, archived or not; of every budget that a hold names. */
  byId(budgetId: string): Budget | undefined;
}

/**
 * Turns decisions, in seq order, into postings. A decision that uses nothing of a budget leaves no line. One with a hold
 * replaces what that booked: it books the difference where both fall into one period, and takes the hold's part back from that
 * one's period where they do not. An open hold gives back what it holds.
 */
export function spend(
  recorded: readonly Recorded[],
  holds: ReadonlyMap<Recorded, Hold>,
  budgets: BudgetIndex,
): Spendings {
  const spendings: Spendings = { postings: [], uncounted: [] };
  for (const one of recorded) {
    const hold = holds.get(one);
    const amounts = amountsOf(one, budgets.counting(one.orgId, one.seq), spendings.uncounted);
    for (const [budget, amount] of amounts) {
      const line = hold?.lines.find(({ budgetId }) => budgetId === budget.id);
      if (line && hold) spendings.postings.push(...replaceHold(one, budget, amount, hold, line));
      else if (amount !== ZERO) spendings.postings.push(plain(one, budget, amount));
    }
    if (hold === undefined) continue;
    // Budgets that were held, and perhaps booked, and that the decision is not about after all.
    const counted = new Set([...amounts.keys()].map(({ id }) => id));
    for (const line of hold.lines) {
      const budget = budgets.byId(line.budgetId);
      if (budget && !counted.has(line.budgetId)) spendings.postings.push(...replaceHold(one, budget, null, hold, line));
    }
  }
  return spendings;
}

function amountsOf(one: Recorded, budgets: readonly Budget[], uncounted: Uncounted[]): Map<Budget, Decimal> {
  const amounts = new Map<Budget, Decimal>();
  const candidate = candidateOf(one);
  for (const budget of budgets) {
    if (!isInScope(budget, candidate)) continue;
    const amount = amountFor(budget, one);
    if (amount !== null) amounts.set(budget, amount);
    else uncounted.push({ budget, currency: one.currency ?? '' });
  }
  return amounts;
}

function plain(one: Recorded, budget: Budget, amount: Decimal): Posting {
  return {
    budgetId: budget.id,
    release: ZERO,
    line: decisionLine(one, budget, { amount, uncovered: amount, holdId: null }),
  };
}

/** `amount` null: the decision does not count for the budget, so that nothing stays of what the hold booked. */
function replaceHold(one: Recorded, budget: Budget, amount: Decimal | null, hold: Hold, line: HoldLine): Posting[] {
  const isOpen = hold.status === 'open';
  const release = isOpen ? line.held : ZERO;
  const booked = line.booked ?? ZERO;
  const used = amount ?? ZERO;
  const covered = isOpen ? line.held : booked;
  const rest = { uncovered: used > covered ? used - covered : ZERO, holdId: hold.id };
  if (booked === ZERO) {
    const decision = used === ZERO ? null : decisionLine(one, budget, { amount: used, ...rest });
    return decision === null && release === ZERO ? [] : [{ budgetId: budget.id, release, line: decision }];
  }
  const decision = decisionLine(one, budget, { amount: used - booked, ...rest });
  const bookedAt = line.bookedPeriod;
  if (decision.periodStart === bookedAt) return [{ budgetId: budget.id, release, line: decision }];
  const inBookedPeriod = { periodStart: bookedAt, occurredAt: bookedAt ?? one.at };
  if (amount === null) return [{ budgetId: budget.id, release, line: { ...decision, ...inBookedPeriod } }];
  const moved = { ...decision, ...inBookedPeriod, amount: -booked, uncovered: ZERO, seq: null, priceId: null };
  return [
    { budgetId: budget.id, release, line: { ...moved, source: 'hold-moved', sourceId: hold.id } },
    { budgetId: budget.id, release: ZERO, line: { ...decision, amount: used } },
  ];
}

function decisionLine(
  one: Recorded,
  budget: Budget,
  rest: Pick<LedgerLine, 'amount' | 'uncovered' | 'holdId'>,
): LedgerLine {
  return {
    orgId: one.orgId,
    budgetId: budget.id,
    source: 'decision',
    sourceId: one.decisionId,
    seq: one.seq,
    periodStart: periodAt(budget.periods, one.at)?.start ?? null,
    occurredAt: one.at,
    revision: budget.revision,
    priceId: budget.unit === 'currency' ? one.priceId : null,
    ...rest,
  };
}
