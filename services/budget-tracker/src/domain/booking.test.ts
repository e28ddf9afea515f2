import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sampleBudget } from '../testing.ts';
import { type LedgerLine, type Posting, post, type Source } from './booking.ts';
import { type Budget, type BudgetState, budgetsChangedValue, type PeriodUse } from './budget.ts';
import { type Decimal, parseDecimal } from './decimal.ts';
import { type PeriodRule, periodAt } from './period.ts';

const NOW = Date.parse('2026-03-04T05:30:00.000Z');
const HOUR = 60 * 60 * 1000;
const HOURLY: PeriodRule = { kind: 'hour', timeZone: 'UTC', anchor: null };
const amount = parseDecimal;

function stateOf(budget: Budget, given: Partial<BudgetState> = {}): BudgetState {
  return { committed: 0n, held: 0n, carried: 0n, version: 1, period: periodAt(budget.periods, NOW), ...given };
}

let lines = 0;

/** A line of a decision, at `at`, that nobody had held anything for. */
function posting(
  budget: Budget,
  value: Decimal,
  at = NOW,
  given: Partial<LedgerLine> & { release?: Decimal } = {},
): Posting {
  const { release = 0n, ...rest } = given;
  lines += 1;
  const line: LedgerLine = {
    orgId: budget.orgId,
    budgetId: budget.id,
    source: 'decision' as Source,
    sourceId: `d${lines}`,
    seq: lines,
    amount: value,
    uncovered: value,
    periodStart: periodAt(budget.periods, at)?.start ?? null,
    occurredAt: at,
    revision: 1,
    priceId: null,
    holdId: null,
    ...rest,
  };
  return { budgetId: budget.id, line, release };
}

describe('booking', () => {
  it('G5: commits the sum of the lines, however they come in batches', () => {
    const costs = fc.array(fc.bigInt({ min: 0n, max: 10n ** 20n }), { maxLength: 30 });
    fc.assert(
      fc.property(costs, fc.nat({ max: 30 }), (amounts, cut) => {
        const budget = sampleBudget();
        const postings = amounts.map((cost) => posting(budget, cost));
        const first = post(budget, stateOf(budget), [], postings.slice(0, cut), NOW);
        const second = post(budget, first.state, [], postings.slice(cut), NOW);
        const whole = post(budget, stateOf(budget), [], postings, NOW);
        expect(second.state.committed).toBe(amounts.reduce((sum, one) => sum + one, 0n));
        expect(second.state.committed).toBe(whole.state.committed);
        expect([...first.alerts, ...second.alerts]).toEqual(whole.alerts);
      }),
    );
  });

  it('G5: tells of a threshold when it is reached, and not again', () => {
    const budget = sampleBudget();
    const costs = ['49.999999999999', '0.000000000001', '29', '1', '40'];
    const { alerts, state } = post(
      budget,
      stateOf(budget),
      [],
      costs.map((cost) => posting(budget, amount(cost))),
      NOW,
    );
    expect(alerts.map(({ name }) => name)).toEqual(['50', '80', '95', '100']);
    expect(alerts[0]?.committed).toBe(amount('50'));
    expect(post(budget, state, [], [posting(budget, amount('10'))], NOW).alerts).toEqual([]);
  });

  it('tells of nothing for a limit of nothing', () => {
    const budget = sampleBudget({ limit: 0n });
    expect(post(budget, stateOf(budget), [], [posting(budget, 1n)], NOW).alerts).toEqual([]);
  });

  it('books late usage in the period it belongs to, and tells of that one', () => {
    const budget = sampleBudget({ periods: HOURLY });
    const late = posting(budget, amount('60'), NOW - HOUR);
    const { state, others, alerts } = post(budget, stateOf(budget), [], [posting(budget, amount('10')), late], NOW);
    expect(state.committed).toBe(amount('10'));
    const start = Date.parse('2026-03-04T04:00:00.000Z');
    expect(others).toEqual([{ start, end: start + HOUR, limit: budget.limit, carried: 0n, committed: amount('60') }]);
    expect(alerts.map(({ name, periodStart }) => [name, periodStart])).toEqual([['50', start]]);
    const again = post(budget, state, others, [posting(budget, amount('-5'), NOW - HOUR)], NOW);
    expect(again.others[0]?.committed).toBe(amount('55'));
  });

  it('gives back what was held, and raises the version once a batch', () => {
    const budget = sampleBudget();
    const before = stateOf(budget, { held: amount('5') });
    const postings = [
      posting(budget, amount('2'), NOW, { release: amount('3') }),
      { budgetId: budget.id, line: null, release: amount('2') },
    ];
    const { state } = post(budget, before, [], postings, NOW);
    expect(state).toMatchObject({ committed: amount('2'), held: 0n, version: 2 });
  });
});

describe('overruns', () => {
  const hard = sampleBudget({ hard: true, thresholds: [] });

  it('are what nobody had held, as far as it is past a hard limit', () => {
    const before = stateOf(hard, { committed: amount('90'), held: amount('8') });
    const { overruns, alerts } = post(hard, before, [], [posting(hard, amount('5')), posting(hard, amount('1'))], NOW);
    expect(overruns.map((one) => one.amount)).toEqual([amount('3'), amount('1')]);
    expect(alerts.map(({ name }) => name)).toEqual(['overrun', 'overrun']);
  });

  it('are not what was held before', () => {
    const before = stateOf(hard, { committed: amount('95'), held: amount('5') });
    const covered = posting(hard, amount('5'), NOW, { uncovered: 0n, release: amount('5') });
    expect(post(hard, before, [], [covered], NOW).overruns).toEqual([]);
  });

  it('are not of a soft budget, whose limit refuses nothing', () => {
    const soft = sampleBudget({ thresholds: [] });
    expect(post(soft, stateOf(soft), [], [posting(soft, amount('500'))], NOW).overruns).toEqual([]);
  });

  it('are what a caller settled above its hold, whatever the limit', () => {
    const soft = sampleBudget({ thresholds: [] });
    const settled = posting(soft, amount('7'), NOW, { source: 'hold', uncovered: amount('2'), release: amount('5') });
    const { overruns, alerts } = post(soft, stateOf(soft, { held: amount('5') }), [], [settled], NOW);
    expect(overruns.map((one) => one.amount)).toEqual([amount('2')]);
    expect(alerts.map(({ name }) => name)).toEqual(['overrun']);
  });
});

describe('carry-over', () => {
  const budget = sampleBudget({ periods: HOURLY, carryOver: true, createdAt: NOW - 100 * HOUR, thresholds: [80] });
  const use = (hoursAgo: number, committed: string, carried = '0'): PeriodUse => {
    const start = Math.floor(NOW / HOUR) * HOUR - hoursAgo * HOUR;
    return { start, end: start + HOUR, limit: budget.limit, committed: amount(committed), carried: amount(carried) };
  };

  it('leaves less to every period after late usage, and tells when that reaches a threshold', () => {
    const before = stateOf(budget, { committed: amount('120'), carried: amount('80') });
    const others = [use(3, '0'), use(2, '90', '100'), use(1, '30', '100')];
    const {
      state,
      others: changed,
      alerts,
    } = post(budget, before, others, [posting(budget, amount('150'), NOW - 2 * HOUR)], NOW);
    // 2 hours ago: 100 + 100 - 240 leaves nothing; 1 hour ago: 100 + 0 - 30 leaves 70.
    expect(changed.map(({ committed, carried }) => [committed, carried])).toEqual([
      [amount('240'), amount('100')],
      [amount('30'), 0n],
    ]);
    expect(state.carried).toBe(amount('70'));
    expect(alerts.map(({ name }) => name)).toEqual(['80']);
    const more = post(budget, state, changed, [posting(budget, amount('60'), NOW - HOUR)], NOW);
    expect(more.state.carried).toBe(amount('10'));
    // The hour before has reached 80 of its 100, and by what it leaves no more this one 110 of its own.
    expect(more.alerts.map(({ limit }) => limit)).toEqual([amount('100'), amount('110')]);
  });

  it('gives a period after a silent one a whole limit', () => {
    const { others } = post(budget, stateOf(budget), [], [posting(budget, amount('1'), NOW - 4 * HOUR)], NOW);
    expect(others.map(({ carried }) => carried)).toEqual([budget.limit]);
  });
});

describe('state of a budget', () => {
  it('is told in decimal strings, with what was carried over', () => {
    const budget = sampleBudget({ scope: { tool: 'web.fetch' }, periods: HOURLY });
    const state = stateOf(budget, { committed: amount('120.5'), held: amount('1'), carried: amount('20') });
    expect(budgetsChangedValue(budget, state, NOW)).toEqual({
      orgId: 'acme',
      budgetId: 'bud_sample',
      version: 1,
      scope: { tool: 'web.fetch' },
      limit: '120',
      used: '120.5',
      held: '1',
      remaining: '-1.5',
      percentUsed: 100.41,
      unit: 'currency',
      currency: 'USD',
      period: 'hour',
      periodStart: '2026-03-04T05:00:00.000Z',
      periodEnd: '2026-03-04T06:00:00.000Z',
      updatedAt: '2026-03-04T05:30:00.000Z',
    });
  });
});
