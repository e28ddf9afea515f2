import { describe, expect, it } from '@jest/globals';
import { sampleBudget } from '../testing.ts';
import { type BudgetState, carriedInto, nextPeriod, rolledOver, stateAt } from './budget.ts';
import { parseDecimal } from './decimal.ts';

const HOUR = 60 * 60 * 1000;
const at = Date.parse('2026-03-04T05:00:00.000Z');
const amount = parseDecimal;
const hourly = sampleBudget({
  periods: { kind: 'hour', timeZone: 'UTC', anchor: null },
  carryOver: true,
  createdAt: at - HOUR / 2,
});
const state: BudgetState = {
  committed: amount('60'),
  held: amount('5'),
  carried: 0n,
  version: 3,
  period: { start: at, end: at + HOUR },
};

describe('rolling over', () => {
  it('is due when the period is over, not before, and never back', () => {
    expect(nextPeriod(hourly, state, at + HOUR - 1)).toBeNull();
    expect(nextPeriod(hourly, state, at - HOUR)).toBeNull();
    expect(nextPeriod(hourly, state, at + HOUR)).toEqual({ start: at + HOUR, end: at + 2 * HOUR });
    expect(nextPeriod(sampleBudget(), { ...state, period: null }, at)).toBeNull();
  });

  it('starts at zero, keeps what is held, and carries what was left', () => {
    const next = { start: at + HOUR, end: at + 2 * HOUR };
    expect(rolledOver(hourly, state, next, 0n)).toEqual({
      ...state,
      committed: 0n,
      carried: amount('40'),
      period: next,
    });
    expect(rolledOver({ ...hourly, carryOver: false }, state, next, amount('1'))).toMatchObject({
      committed: amount('1'),
      carried: 0n,
    });
  });

  it('carries at most one limit, also over periods in which nothing was used', () => {
    const later = { start: at + 9 * HOUR, end: at + 10 * HOUR };
    expect(rolledOver(hourly, state, later, 0n).carried).toBe(hourly.limit);
    const rich = { ...state, committed: 0n, carried: amount('80') };
    expect(rolledOver(hourly, rich, { start: at + HOUR, end: at + 2 * HOUR }, 0n).carried).toBe(hourly.limit);
  });

  it('carries nothing out of an overrun, nor into the first period', () => {
    const over = { ...state, committed: amount('130') };
    expect(rolledOver(hourly, over, { start: at + HOUR, end: at + 2 * HOUR }, 0n).carried).toBe(0n);
    expect(carriedInto(hourly, { start: at - HOUR, end: at }, null)).toBe(0n);
    expect(
      carriedInto({ ...hourly, startsAt: at + 3 * HOUR }, { start: at + 3 * HOUR, end: at + 4 * HOUR }, null),
    ).toBe(0n);
  });

  it('is shown before anybody has done it', () => {
    expect(stateAt(hourly, state, at + HOUR)).toMatchObject({ committed: 0n, carried: amount('40'), version: 3 });
    expect(stateAt(hourly, state, at)).toBe(state);
  });
});
