import type { HoldStatus } from '@governsai/contracts';
import { type Budget, type BudgetState, remainingOf } from './budget.ts';
import { type Decimal, wholeDecimal, ZERO } from './decimal.ts';
import type { Recorded } from './recorded.ts';

/** What a hold sets aside of one budget. */
export interface HoldLine {
  budgetId: string;
  held: Decimal;
  /** What its caller booked when settling; null when it was not settled so. */
  booked: Decimal | null;
  /** Start of the period it was booked in, milliseconds since the epoch; null for `total`, and when nothing was booked. */
  bookedPeriod: number | null;
}

/** A hold as far as budgets are concerned. */
export interface Hold {
  id: string;
  orgId: string;
  status: HoldStatus;
  tool: string | null;
  correlationId: string | null;
  lines: readonly HoldLine[];
  /** The decision it was spent by; null before. */
  decisionId: string | null;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** What somebody wants to spend. */
export interface Spending {
  amount: Decimal;
  /** Null: in each budget's own. */
  currency: string | null;
  /** Null: not known. */
  tokens: number | null;
}

/** How much of a budget a call would use; null when the budget does not count such (another currency). */
export function wantedOf(budget: Budget, { amount, currency, tokens }: Spending): Decimal | null {
  switch (budget.unit) {
    case 'currency':
      return currency === null || currency === budget.currency ? amount : null;
    case 'tokens':
      return wholeDecimal(tokens ?? 0);
    case 'calls':
      return wholeDecimal(1);
  }
}

/**
 * Whether a hard budget has no room for `wanted`: what is committed and held would go past its limit (G5). What costs nothing
 * fits always, but for tokens whose number nobody knows: those need something to be left.
 */
export function refuses(budget: Budget, state: BudgetState, wanted: Decimal, { tokens }: Spending): boolean {
  if (!budget.hard) return false;
  const remaining = remainingOf(budget, state);
  if (wanted === ZERO) return budget.unit === 'tokens' && tokens === null && remaining <= ZERO;
  return wanted > remaining;
}

/** Whether a decision may still be matched with a hold that it does not name. */
function isOpenToMatch(hold: Hold): boolean {
  return hold.decisionId === null && (hold.status === 'open' || hold.status === 'settled');
}

/**
 * Says which hold each decision was spent under: the one it names, else, when it says what it used, the oldest open or settled
 * one with its correlation id and tool that no decision was matched with before. Decisions come in seq order; of several that
 * name one hold the first has it, for what a hold booked can be taken into account only once.
 */
export function matchHolds(recorded: readonly Recorded[], holds: readonly Hold[]): Map<Recorded, Hold> {
  const matched = new Map<Recorded, Hold>();
  const taken = new Set<string>();
  const byAge = [...holds].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  for (const one of recorded) {
    const free = (hold: Hold) => hold.orgId === one.orgId && !taken.has(hold.id) && hold.decisionId === null;
    const hold =
      one.holdId !== null
        ? byAge.find((candidate) => candidate.id === one.holdId && free(candidate))
        : one.hasUsage && one.correlationId !== null
          ? byAge.find(
              (candidate) =>
                candidate.correlationId === one.correlationId &&
                candidate.tool === one.tool &&
                isOpenToMatch(candidate) &&
                free(candidate),
            )
          : undefined;
    if (hold === undefined) continue;
    taken.add(hold.id);
    matched.set(one, hold);
  }
  return matched;
}
