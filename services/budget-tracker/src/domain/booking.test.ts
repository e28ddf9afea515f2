import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sampleBudget, sampleRecorded } from '../testing.ts';
import { book, ledgerEntries } from './booking.ts';
import type { Budget, BudgetState } from './budget.ts';
import { budgetsChangedValue } from './budget.ts';
import { parseDecimal } from './decimal.ts';

const EMPTY: BudgetState = { committed: 0n, held: 0n, version: 1, periodStart: null };
const HOUR = 60 * 60 * 1000;

/** Lines of a budget that cost the given amounts, one an hour apart when `apart`. */
function lines(budget: Budget, costs: readonly string[], apart = 0) {
  const recorded = costs.map((cost, index) => {
    const receivedAt = Date.parse('2026-03-04T05:00:00.000Z') + index * apart;
    return sampleRecorded({ seq: index + 1, cost: parseDecimal(cost), receivedAt });
  });
  return ledgerEntries(recorded, new Map([[budget.orgId, [budget]]]));
}

describe('booking', () => {
  it('G5: commits the sum of the lines, however they come in batches', () => {
    const costs = fc.array(fc.bigInt({ min: 0n, max: 10n ** 20n }), { maxLength: 30 });
    fc.assert(
      fc.property(costs, fc.nat({ max: 30 }), (amounts, cut) => {
        const budget = sampleBudget();
        const recorded = amounts.map((cost, index) => sampleRecorded({ seq: index + 1, cost }));
        const entries = ledgerEntries(recorded, new Map([['acme', [budget]]]));
        const first = book(budget, EMPTY, entries.slice(0, cut));
        const second = book(budget, first.state, entries.slice(cut));
        const whole = book(budget, EMPTY, entries);
        expect(second.state.committed).toBe(amounts.reduce((sum, one) => sum + one, 0n));
        expect(second.state.committed).toBe(whole.state.committed);
        expect([...first.alerts, ...second.alerts]).toEqual(whole.alerts);
      }),
    );
  });

  it('leaves no line for what uses nothing', () => expect(lines(sampleBudget(), ['0', '1'])).toHaveLength(1));

  it('G5: tells of a threshold when it is reached, and not again', () => {
    const budget = sampleBudget();
    const { alerts, state } = book(
      budget,
      EMPTY,
      lines(budget, ['49.999999999999', '0.000000000001', '29', '1', '40']),
    );
    expect(alerts.map(({ threshold }) => threshold)).toEqual([50, 80, 95, 100]);
    expect(alerts[0]?.committed).toBe(parseDecimal('50'));
    expect(book(budget, state, lines(budget, ['10'])).alerts).toEqual([]);
  });

  it('tells of nothing for a limit of nothing', () => {
    const budget = sampleBudget({ limit: 0n });
    expect(book(budget, EMPTY, lines(budget, ['1'])).alerts).toEqual([]);
  });

  it('starts again in a later period, and tells of thresholds again', () => {
    const budget = sampleBudget({ period: 'hour' });
    const { state, alerts } = book(budget, EMPTY, lines(budget, ['60', '55'], HOUR));
    expect(state.committed).toBe(parseDecimal('55'));
    expect(new Date(state.periodStart ?? 0).toISOString()).toBe('2026-03-04T06:00:00.000Z');
    expect(alerts.map(({ threshold }) => threshold)).toEqual([50, 50]);
  });

  it('leaves the count alone for a line of an earlier period', () => {
    const budget = sampleBudget({ period: 'hour' });
    const [early, late] = lines(budget, ['60', '55'], HOUR);
    const { state } = book(budget, EMPTY, [late!, early!]);
    expect(state.committed).toBe(parseDecimal('55'));
  });

  it('raises the version once a batch', () => {
    const budget = sampleBudget();
    expect(book(budget, EMPTY, lines(budget, ['1', '1'])).state.version).toBe(2);
  });
});

describe('state of a budget', () => {
  const at = Date.parse('2026-03-04T07:30:00.000Z');

  it('is told in decimal strings', () => {
    const state = { ...EMPTY, committed: parseDecimal('120.5'), held: parseDecimal('1') };
    expect(budgetsChangedValue(sampleBudget({ scope: { tool: 'web.fetch' } }), state, at)).toEqual({
      orgId: 'acme',
      budgetId: 'bud_sample',
      version: 1,
      scope: { tool: 'web.fetch' },
      limit: '100',
      used: '120.5',
      held: '1',
      remaining: '-21.5',
      percentUsed: 120.5,
      unit: 'currency',
      currency: 'USD',
      period: 'total',
      updatedAt: '2026-03-04T07:30:00.000Z',
    });
  });

  it('is empty in a period that nothing was used in yet', () => {
    const state = { ...EMPTY, committed: parseDecimal('60'), periodStart: Date.parse('2026-03-04T06:00:00.000Z') };
    expect(budgetsChangedValue(sampleBudget({ period: 'hour' }), state, at).used).toBe('0');
    expect(budgetsChangedValue(sampleBudget({ period: 'hour' }), state, at - HOUR).used).toBe('60');
  });
});
