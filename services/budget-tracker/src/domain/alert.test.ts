import { describe, expect, it } from '@jest/globals';
import { sampleBudget } from '../testing.ts';
import { forecastAlert, notificationOf, told } from './alert.ts';
import type { BudgetState } from './budget.ts';
import { parseDecimal } from './decimal.ts';

describe('alert', () => {
  const limit = parseDecimal('100');
  const alert = { budget: sampleBudget(), name: '80', periodStart: null, committed: parseDecimal('81.5'), limit };

  it('says which budget has reached what', () => {
    const notification = notificationOf(alert, 'u1');
    expect(notification.title).toBe('Budget "Sample" has reached 80%');
    expect(notification.body).toBe('81.5 of 100 USD are used (81.5%).');
    expect(notification.severity).toBe('warning');
    expect(notification.data).toMatchObject({ budgetId: 'bud_sample', threshold: 80, used: '81.5', limit: '100' });
  });

  it('has one id a user, threshold and period, whatever was used', () => {
    const id = notificationOf(alert, 'u1').id;
    expect(notificationOf({ ...alert, committed: parseDecimal('99') }, 'u1').id).toBe(id);
    const others = [
      notificationOf(alert, 'u2'),
      notificationOf({ ...alert, name: '95' }, 'u1'),
      notificationOf({ ...alert, periodStart: 0 }, 'u1'),
    ];
    for (const other of others) expect(other.id).not.toBe(id);
  });
});

describe('kinds of alerts', () => {
  const alert = { budget: sampleBudget(), periodStart: 0, committed: parseDecimal('120'), limit: parseDecimal('100') };

  it.each([
    ['forecast', 'budget.forecast', 'on the way to exceed'],
    ['overrun', 'budget.overrun', 'was overrun'],
    ['currency:EUR', 'budget.currency', 'does not count usage in EUR'],
    ['100', 'budget.threshold', 'has reached 100%'],
  ])('%s is told as %s', (name, kind, words) => {
    const { title, ...rest } = told({ ...alert, name, overrun: parseDecimal('20') });
    expect(rest.kind).toBe(kind);
    expect(title).toContain(words);
  });
});

describe('forecast', () => {
  const budget = sampleBudget({ forecast: true });
  const period = { start: 0, end: 1000 };
  const state = (committed: string): BudgetState => ({
    committed: parseDecimal(committed),
    held: 0n,
    carried: 0n,
    version: 1,
    period,
  });

  it.each([
    ['51', 500, true],
    ['50', 500, false],
    ['10.000000000001', 100, true],
    ['99', 99, false],
    ['100', 999, true],
    ['100.000000000001', 999, false],
    ['100', 1000, false],
  ])('of %s used after %d of 1000: %s', (used, now, expected) =>
    expect(forecastAlert(budget, state(used), now) !== null).toBe(expected),
  );

  it('is for budgets with periods that want it', () => {
    expect(forecastAlert(budget, { ...state('99'), period: null }, 500)).toBeNull();
    expect(forecastAlert(sampleBudget(), state('99'), 500)).toBeNull();
  });
});
