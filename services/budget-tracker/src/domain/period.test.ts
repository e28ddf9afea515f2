import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hourOf, periodAt } from './period.ts';

const span = (kind: Parameters<typeof periodAt>[0], time: string) => {
  const period = periodAt(kind, Date.parse(time));
  return period && [new Date(period.start).toISOString(), new Date(period.end).toISOString()];
};

describe('period', () => {
  it('never ends for total', () => expect(periodAt('total', 0)).toBeNull());

  it.each([
    ['hour', '2026-03-04T05:59:59.999Z', '2026-03-04T05:00:00.000Z', '2026-03-04T06:00:00.000Z'],
    ['day', '2026-03-04T05:06:07.000Z', '2026-03-04T00:00:00.000Z', '2026-03-05T00:00:00.000Z'],
    ['week', '2026-03-04T05:06:07.000Z', '2026-03-02T00:00:00.000Z', '2026-03-09T00:00:00.000Z'],
    ['week', '2026-03-02T00:00:00.000Z', '2026-03-02T00:00:00.000Z', '2026-03-09T00:00:00.000Z'],
    ['week', '2026-03-08T23:59:59.999Z', '2026-03-02T00:00:00.000Z', '2026-03-09T00:00:00.000Z'],
    ['month', '2024-02-29T12:00:00.000Z', '2024-02-01T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
    ['month', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ] as const)('a %s holds %s', (kind, time, start, end) => expect(span(kind, time)).toEqual([start, end]));

  it('holds its time, and begins where the one before ended', () => {
    const time = fc.integer({ min: Date.UTC(1960, 0), max: Date.UTC(2100, 0) });
    fc.assert(
      fc.property(fc.constantFrom('hour', 'day', 'week', 'month'), time, (kind, at) => {
        const period = periodAt(kind, at);
        if (period === null) throw new Error('it has an end');
        expect(period.start).toBeLessThanOrEqual(at);
        expect(period.end).toBeGreaterThan(at);
        expect(periodAt(kind, period.start)).toEqual(period);
        expect(periodAt(kind, period.end)?.start).toBe(period.end);
      }),
    );
  });

  it('puts usage into hours', () =>
    expect(new Date(hourOf(Date.parse('2026-03-04T05:06:07.000Z'))).toISOString()).toBe('2026-03-04T05:00:00.000Z'));
});
