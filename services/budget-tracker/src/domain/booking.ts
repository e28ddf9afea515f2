import { type Alert, forecastAlert, reachedThresholds } from './alert.ts';
import {
  allowance,
  type Budget,
  type BudgetState,
  carriedInto,
  carryForward,
  type PeriodUse,
  useOf,
} from './budget.ts';
import { type Decimal, smaller, ZERO } from './decimal.ts';
import { type Period, periodAt } from './period.ts';

/** Where a line of a ledger comes from; with the id there, it is booked once. */
export type Source = 'decision' | 'hold' | 'hold-moved' | 'adjustment';

/** One line of a budget's ledger. */
export interface LedgerLine {
  orgId: string;
  budgetId: string;
  source: Source;
  sourceId: string;
  /** The decision's; null for other sources. */
  seq: number | null;
  /** Negative when it takes back what was booked before. */
  amount: Decimal;
  /** What of it nobody had set aside before it was spent; it may be past the limit. */
  uncovered: Decimal;
  /** Start of the period it belongs to, milliseconds since the epoch; null for `total`. */
  periodStart: number | null;
  /** Milliseconds since the epoch. */
  occurredAt: number;
  /** The version of the budget it was made with. */
  revision: number;
  priceId: number | null;
  holdId: string | null;
}

/** One step in the books of a budget: a line, what it gives back of what was held, or both. */
export interface Posting {
  budgetId: string;
  /** Null when nothing is booked. */
  line: LedgerLine | null;
  /** Never negative. */
  release: Decimal;
}

/** Part of a line that went beyond its hold, or beyond a hard limit without one. */
export interface Overrun {
  line: LedgerLine;
  amount: Decimal;
}

/** The books of a budget after some postings. */
export interface Booked {
  state: BudgetState;
  /** Periods other than the state's own that have changed. */
  others: PeriodUse[];
  alerts: Alert[];
  overruns: Overrun[];
}

/**
 * Posts to a budget whose state is rolled over to `now`, in the order given. `others` are its periods other than the current
 * one: those that lines fall into, and of a budget that carries over the one before the earliest of them and all after it. A
 * period missing there is one in which nothing was used.
 */
export function post(
  budget: Budget,
  before: BudgetState,
  others: readonly PeriodUse[],
  postings: readonly Posting[],
  now: number,
): Booked {
  const books = new Books(budget, before, others);
  for (const posting of postings) books.post(posting);
  return books.close(now);
}

class Books {
  readonly #budget: Budget;
  readonly #before: BudgetState;
  readonly #others: Map<number, PeriodUse>;
  readonly #changed = new Set<number>();
  readonly #alerts: Alert[] = [];
  readonly #overruns: Overrun[] = [];
  #state: BudgetState;

  constructor(budget: Budget, before: BudgetState, others: readonly PeriodUse[]) {
    this.#budget = budget;
    this.#before = before;
    this.#state = before;
    this.#others = new Map(others.map((use) => [use.start, use]));
  }

  post({ line, release }: Posting): void {
    if (release !== ZERO) this.#state = { ...this.#state, held: this.#state.held - release };
    if (line === null) return;
    const isCurrent = line.periodStart === (this.#state.period?.start ?? null);
    if (isCurrent) this.#postCurrent(line);
    else this.#postOther(line);
  }

  #postCurrent(line: LedgerLine): void {
    const { committed, period, held } = this.#state;
    this.#state = { ...this.#state, committed: committed + line.amount };
    const allowed = allowance(this.#budget, this.#state);
    this.#tell(committed, this.#state.committed, allowed, allowed, period?.start ?? null);
    this.#overrun(line, this.#state.committed + held - allowed);
  }

  #postOther(line: LedgerLine): void {
    const period = periodAt(this.#budget.periods, line.occurredAt);
    if (period === null || line.periodStart === null) {
      throw new Error(`a line of budget ${line.budgetId} has a period that the budget cannot have`);
    }
    const start = line.periodStart;
    const use = this.#others.get(start) ?? this.#unused({ ...period, start });
    const after = { ...use, committed: use.committed + line.amount };
    this.#others.set(start, after);
    this.#changed.add(start);
    this.#tell(use.committed, after.committed, use.limit + use.carried, use.limit + use.carried, start);
    this.#overrun(line, after.committed - use.limit - use.carried);
  }

  #unused(period: Period): PeriodUse {
    const before = [...this.#others.values()].find(({ end }) => end === period.start) ?? null;
    const carried = carriedInto(this.#budget, period, before);
    return { ...period, limit: this.#budget.limit, carried, committed: ZERO };
  }

  /** `beyond`: by how much all that is used and held is past the limit now. */
  #overrun(line: LedgerLine, beyond: Decimal): void {
    // More than was held is an overrun whatever the limit; the rest only past a limit that holds would have kept.
    const most = line.source === 'hold' ? line.uncovered : this.#budget.hard ? beyond : ZERO;
    const amount = smaller(line.uncovered, most);
    if (amount <= ZERO) return;
    this.#overruns.push({ line, amount });
    const use = this.#others.get(line.periodStart ?? 0) ?? useOf(this.#budget, this.#state);
    this.#alerts.push({
      budget: this.#budget,
      name: 'overrun',
      periodStart: line.periodStart,
      committed: use?.committed ?? this.#state.committed,
      limit: use === null ? allowance(this.#budget, this.#state) : use.limit + use.carried,
      overrun: amount,
    });
  }

  #tell(before: Decimal, after: Decimal, allowedBefore: Decimal, allowed: Decimal, periodStart: number | null): void {
    this.#alerts.push(
      ...reachedThresholds(
        this.#budget,
        { used: before, limit: allowedBefore },
        { used: after, limit: allowed },
        periodStart,
      ),
    );
  }

  close(now: number): Booked {
    this.#carry();
    const forecast = forecastAlert(this.#budget, this.#state, now);
    if (forecast) this.#alerts.push(forecast);
    const others = [...this.#changed].sort((a, b) => a - b).flatMap((start) => this.#others.get(start) ?? []);
    const state = { ...this.#state, version: this.#before.version + 1 };
    return { state, others, alerts: this.#alerts, overruns: this.#overruns };
  }

  /** What was used late leaves less to every period after it, up to the current one. */
  #carry(): void {
    const current = useOf(this.#budget, this.#state);
    if (!this.#budget.carryOver || current === null || this.#changed.size === 0) return;
    const earlier = [...this.#others.values()].filter((use) => use.start < current.start);
    const inOrder = [...earlier.sort((a, b) => a.start - b.start), current];
    for (const use of carryForward(this.#budget, inOrder)) {
      if (use.start !== current.start) {
        this.#others.set(use.start, use);
        this.#changed.add(use.start);
        continue;
      }
      const allowedBefore = allowance(this.#budget, this.#state);
      this.#state = { ...this.#state, carried: use.carried };
      const { committed } = this.#state;
      this.#tell(committed, committed, allowedBefore, allowance(this.#budget, this.#state), current.start);
    }
  }
}
