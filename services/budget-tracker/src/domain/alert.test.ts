import { describe, expect, it } from '@jest/globals';
import { sampleBudget } from '../testing.ts';
import { notificationOf } from './alert.ts';
import { parseDecimal } from './decimal.ts';

describe('alert', () => {
  const alert = { budget: sampleBudget(), threshold: 80, periodStart: null, committed: parseDecimal('81.5') };

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
      notificationOf({ ...alert, threshold: 95 }, 'u1'),
      notificationOf({ ...alert, periodStart: 0 }, 'u1'),
    ];
    for (const other of others) expect(other.id).not.toBe(id);
  });
});
