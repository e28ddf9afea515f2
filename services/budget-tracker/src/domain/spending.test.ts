import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sampleBudget, sampleHold, sampleRecorded } from '../testing.ts';
import type { Budget } from './budget.ts';
import { parseDecimal } from './decimal.ts';
import type { Hold, HoldLine } from './hold.ts';
import { type PeriodRule, periodAt } from './period.ts';
import type { Recorded } from './recorded.ts';
import { spend } from './spending.ts';

const HOUR = 60 * 60 * 1000;
const amount = parseDecimal;
const HOURLY: PeriodRule = { kind: 'hour', timeZone: 'UTC', anchor: null };
const at = Date.parse('2026-03-04T05:06:07.000Z');
const thisHour = periodAt(HOURLY, at)?.start ?? 0;

/** What one decision with a hold means to budgets, as `[budget, source, amount, period, uncovered, released]`. */
function posted(recorded: Recorded, hold: Hold | null, budgets: readonly Budget[], all: readonly Budget[] = budgets) {
  const index = { counting: () => budgets, byId: (id: string) => all.find((budget) => budget.id === id) };
  return spend([recorded], new Map(hold ? [[recorded, hold]] : []), index).postings.map(
    ({ budgetId, line, release }) => [
      budgetId,
      line && [line.source, line.amount, line.periodStart, line.uncovered],
      release,
    ],
  );
}

const line = (
  budget: Budget,
  held: string,
  booked: string | null = null,
  bookedPeriod: number | null = null,
): HoldLine => ({
  budgetId: budget.id,
  held: amount(held),
  booked: booked === null ? null : amount(booked),
  bookedPeriod,
});

const budget = sampleBudget();
const spent = (cost: string) => sampleRecorded({ at, cost: amount(cost), currency: 'USD', hasUsage: true });

describe('spending', () => {
  it('without a hold books all of it', () =>
    expect(posted(spent('3'), null, [budget])).toEqual([
      ['bud_sample', ['decision', amount('3'), null, amount('3')], 0n],
    ]));

  it('leaves no line for what uses nothing', () => expect(posted(spent('0'), null, [budget])).toEqual([]));

  it('under an open hold books all of it and gives back what was held', () => {
    const hold = sampleHold({ lines: [line(budget, '5')] });
    expect(posted(spent('3'), hold, [budget])).toEqual([
      ['bud_sample', ['decision', amount('3'), null, 0n], amount('5')],
    ]);
    expect(posted(spent('7'), hold, [budget])).toEqual([
      ['bud_sample', ['decision', amount('7'), null, amount('2')], amount('5')],
    ]);
    expect(posted(spent('0'), hold, [budget])).toEqual([['bud_sample', null, amount('5')]]);
  });

  it('under a settled hold books the difference', () => {
    const hold = sampleHold({ status: 'settled', lines: [line(budget, '5', '4')] });
    expect(posted(spent('3'), hold, [budget])).toEqual([['bud_sample', ['decision', amount('-1'), null, 0n], 0n]]);
    expect(posted(spent('6'), hold, [budget])).toEqual([
      ['bud_sample', ['decision', amount('2'), null, amount('2')], 0n],
    ]);
    expect(posted(spent('4'), hold, [budget])).toEqual([['bud_sample', ['decision', 0n, null, 0n], 0n]]);
  });

  it('under a hold whose time was over books all of it', () => {
    const hold = sampleHold({ status: 'expired', lines: [line(budget, '5')] });
    expect(posted(spent('3'), hold, [budget])).toEqual([
      ['bud_sample', ['decision', amount('3'), null, amount('3')], 0n],
    ]);
  });

  it('moves what a hold booked to the period of the decision', () => {
    const hourly = sampleBudget({ periods: HOURLY });
    const hold = sampleHold({ id: 'h', status: 'settled', lines: [line(hourly, '5', '4', thisHour + HOUR)] });
    expect(posted(spent('3'), hold, [hourly])).toEqual([
      ['bud_sample', ['hold-moved', amount('-4'), thisHour + HOUR, 0n], 0n],
      ['bud_sample', ['decision', amount('3'), thisHour, 0n], 0n],
    ]);
  });

  it('takes everything back from a budget that the decision is not about', () => {
    const other = sampleBudget({ id: 'bud_other', periods: HOURLY });
    const settled = sampleHold({ status: 'settled', lines: [line(other, '5', '4', thisHour)] });
    expect(posted(spent('3'), settled, [budget], [budget, other])).toEqual([
      ['bud_sample', ['decision', amount('3'), null, amount('3')], 0n],
      ['bud_other', ['decision', amount('-4'), thisHour, 0n], 0n],
    ]);
    const open = sampleHold({ lines: [line(other, '5')] });
    expect(posted(spent('3'), open, [], [other])).toEqual([['bud_other', null, amount('5')]]);
  });

  it('tells of a currency that a budget cannot count', () => {
    const euros = { ...spent('3'), currency: 'EUR' };
    const { postings, uncounted } = spend([euros], new Map(), { counting: () => [budget], byId: () => budget });
    expect(postings).toEqual([]);
    expect(uncounted).toEqual([{ budget, currency: 'EUR' }]);
  });

  it('G5: books with what the hold booked exactly what the decision used, whatever both say', () => {
    const parts = fc.record({
      used: fc.bigInt({ min: 0n, max: 10n ** 15n }),
      held: fc.bigInt({ min: 0n, max: 10n ** 15n }),
      booked: fc.option(fc.bigInt({ min: 0n, max: 10n ** 15n }), { nil: null }),
      status: fc.constantFrom('open', 'settled', 'released', 'expired') as fc.Arbitrary<Hold['status']>,
      hoursLater: fc.integer({ min: -2, max: 2 }),
      isInScope: fc.boolean(),
    });
    fc.assert(
      fc.property(parts, ({ used, held, status, hoursLater, isInScope, ...given }) => {
        const hourly = sampleBudget({ periods: HOURLY });
        const booked = status === 'settled' ? given.booked : null;
        const bookedPeriod = booked === null || booked === 0n ? null : thisHour + hoursLater * HOUR;
        const hold = sampleHold({ status, lines: [{ budgetId: hourly.id, held, booked, bookedPeriod }] });
        const one = { ...spent('0'), cost: used };
        const index = { counting: () => (isInScope ? [hourly] : []), byId: () => hourly };
        const { postings } = spend([one], new Map([[one, hold]]), index);
        const byPeriod = new Map<number | null, bigint>();
        if (booked !== null) byPeriod.set(bookedPeriod, booked);
        for (const { line: entry } of postings) {
          if (entry) byPeriod.set(entry.periodStart, (byPeriod.get(entry.periodStart) ?? 0n) + entry.amount);
        }
        const left = [...byPeriod].filter(([, sum]) => sum !== 0n);
        expect(left).toEqual(isInScope && used !== 0n ? [[thisHour, used]] : []);
        expect(postings.reduce((sum, { release }) => sum + release, 0n)).toBe(status === 'open' ? held : 0n);
      }),
      { numRuns: 1000 },
    );
  });
});
