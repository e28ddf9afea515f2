import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hourOf, type PeriodRule, periodAt } from './period.ts';
import { firstMomentOf, offsetAt, wallTime } from './wall-clock.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const at = Date.parse;
const iso = (time: number) => new Date(time).toISOString();

function period(kind: PeriodRule['kind'], timeZone: string, time: string, anchor: string | null = null) {
  const found = periodAt({ kind, timeZone, anchor: anchor === null ? null : at(anchor) }, at(time));
  return found && [iso(found.start), iso(found.end)];
}

/** Zones with daylight saving in both hemispheres, odd offsets, odd changes, and days that were skipped or began twice. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Asia/Kathmandu',
  'Asia/Gaza',
  'Asia/Beirut',
  'Asia/Pyongyang',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Antarctica/Troll',
];

describe('periods', () => {
  it.each([
    ['hour', '2026-03-04T05:59:59.999Z', '2026-03-04T05:00:00.000Z', '2026-03-04T06:00:00.000Z'],
    ['day', '2026-03-04T00:00:00.000Z', '2026-03-04T00:00:00.000Z', '2026-03-05T00:00:00.000Z'],
    ['week', '2026-03-04T05:00:00.000Z', '2026-03-02T00:00:00.000Z', '2026-03-09T00:00:00.000Z'],
    ['month', '2026-12-31T23:59:59.999Z', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['month', '2024-02-29T12:00:00.000Z', '2024-02-01T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
    ['week', '1969-12-31T00:00:00.000Z', '1969-12-29T00:00:00.000Z', '1970-01-05T00:00:00.000Z'],
  ] as const)('%s of %s in UTC', (kind, time, start, end) => expect(period(kind, 'UTC', time)).toEqual([start, end]));

  it('total never ends', () => expect(period('total', 'Europe/Berlin', '2026-01-01T00:00:00Z')).toBeNull());

  it.each([
    [
      'is 23 hours long when the clocks go forward',
      'Europe/Berlin',
      '2026-03-29T12:00:00Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ],
    [
      'is 25 hours long when they go back',
      'Europe/Berlin',
      '2026-10-25T12:00:00Z',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ],
    [
      'begins when the clocks skip its midnight',
      'America/Sao_Paulo',
      '2018-11-04T12:00:00Z',
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ],
    [
      'holds the hour that comes twice before midnight',
      'America/Sao_Paulo',
      '2018-02-18T02:30:00Z',
      '2018-02-17T02:00:00.000Z',
      '2018-02-18T03:00:00.000Z',
    ],
    [
      'begins at the first of two midnights',
      'America/Havana',
      '2026-11-01T04:30:00Z',
      '2026-11-01T04:00:00.000Z',
      '2026-11-02T05:00:00.000Z',
    ],
    [
      'is skipped where the calendar was',
      'Pacific/Apia',
      '2011-12-30T09:59:59Z',
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ],
    [
      'follows the skipped one at once',
      'Pacific/Apia',
      '2011-12-30T10:00:00Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
    ],
  ])('a day %s', (_case, zone, time, start, end) => expect(period('day', zone, time)).toEqual([start, end]));

  it.each([
    [
      'day',
      'Europe/Berlin',
      '2026-03-04T07:59:00Z',
      '2020-01-01T08:00:00Z',
      '2026-03-03T08:00:00.000Z',
      '2026-03-04T08:00:00.000Z',
    ],
    [
      'day',
      'Europe/Berlin',
      '2026-07-04T07:59:00Z',
      '2020-01-01T08:00:00Z',
      '2026-07-04T07:00:00.000Z',
      '2026-07-05T07:00:00.000Z',
    ],
    [
      'week',
      'UTC',
      '2026-03-04T05:00:00Z',
      '2026-01-01T12:00:00Z',
      '2026-02-26T12:00:00.000Z',
      '2026-03-05T12:00:00.000Z',
    ],
    [
      'month',
      'UTC',
      '2026-02-28T12:00:00Z',
      '2026-01-31T00:00:00Z',
      '2026-02-28T00:00:00.000Z',
      '2026-03-31T00:00:00.000Z',
    ],
    [
      'month',
      'America/New_York',
      '2026-03-15T12:00:00Z',
      '2026-01-16T02:00:00Z',
      '2026-02-16T02:00:00.000Z',
      '2026-03-16T01:00:00.000Z',
    ],
    [
      'hour',
      'Asia/Kolkata',
      '2026-03-04T05:31:00Z',
      '2026-01-01T00:30:00Z',
      '2026-03-04T05:30:00.000Z',
      '2026-03-04T06:30:00.000Z',
    ],
  ] as const)('%s in %s at %s from the anchor %s', (kind, zone, time, anchor, start, end) =>
    expect(period(kind, zone, time, anchor)).toEqual([start, end]),
  );

  it('usage is rolled up by the hour', () =>
    expect(iso(hourOf(at('2026-03-04T05:59:59.999Z')))).toBe('2026-03-04T05:00:00.000Z'));
});

const zones = fc.constantFrom(...ZONES);
const times = fc.integer({ min: at('2000-01-01T00:00:00Z'), max: at('2037-12-31T00:00:00Z') });
/** A zone and the day before its clocks change. */
const changes = fc.constantFrom(
  ...ZONES.flatMap((zone) => {
    const found: [string, number][] = [];
    const week = 7 * DAY;
    for (let time = at('2005-01-01T00:00:00Z'); time < at('2032-01-01T00:00:00Z'); time += week) {
      const before = offsetAt(zone, time);
      if (before === offsetAt(zone, time + week)) continue;
      let day = time;
      while (offsetAt(zone, day + DAY) === before) day += DAY;
      found.push([zone, day]);
    }
    return found;
  }),
);
const rules = fc.record({
  kind: fc.constantFrom('hour', 'day', 'week', 'month'),
  timeZone: zones,
  anchor: fc.option(times, { nil: null }),
}) as fc.Arbitrary<PeriodRule>;

describe('periods of any zone, anchor and time', () => {
  it('hold their time, and follow each other without a gap or an overlap', () => {
    fc.assert(
      fc.property(rules, times, (rule, time) => {
        const here = periodAt(rule, time)!;
        expect(here.start).toBeLessThanOrEqual(time);
        expect(here.end).toBeGreaterThan(time);
        expect(periodAt(rule, here.start)).toEqual(here);
        expect(periodAt(rule, here.end - 1)).toEqual(here);
        expect(periodAt(rule, here.end)!.start).toBe(here.end);
        expect(periodAt(rule, here.start - 1)!.end).toBe(here.start);
      }),
      { numRuns: 400 },
    );
  });

  it('are as long as their calendar says, but for what the clocks were moved', () => {
    const days = { hour: [1 / 24, 1 / 24], day: [1, 1], week: [7, 7], month: [27, 32], total: [0, 0] };
    fc.assert(
      fc.property(rules, times, (rule, time) => {
        const { start, end } = periodAt(rule, time)!;
        const moved = offsetAt(rule.timeZone, end) - offsetAt(rule.timeZone, start);
        const length = rule.kind === 'hour' ? end - start : end - start + moved;
        const [least = 0, most = 0] = days[rule.kind];
        // Where the clocks skipped or repeated the beginning itself, it is off by as much.
        const slack = rule.kind === 'hour' ? 0 : 24 * HOUR;
        expect(length).toBeGreaterThanOrEqual(least * DAY - slack);
        expect(length).toBeLessThanOrEqual(most * DAY + slack);
      }),
      { numRuns: 400 },
    );
  });

  it('change when a calendar on the wall is turned, as a fake clock walks across every change of the clocks', () => {
    // The calendar shows the latest date that the clocks have shown; nobody turns it back with them.
    const label = {
      day: (date: string) => date,
      week: (date: string) => iso(at(`${date}T00:00:00Z`) - ((new Date(date).getUTCDay() + 6) % 7) * DAY).slice(0, 10),
      month: (date: string) => date.slice(0, 7),
    };
    fc.assert(
      fc.property(changes, ([timeZone, from]) => {
        const shown = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
        let date = shown.format(from - 5 * DAY);
        const step = 15 * 60 * 1000;
        const begin = Math.floor(from / step) * step - 2 * DAY;
        const starts = new Map<string, Set<number>>();
        for (let clock = begin - DAY; clock < begin + 4 * DAY; clock += step) {
          const now = shown.format(clock);
          if (now > date) date = now;
          if (clock < begin) continue;
          for (const kind of ['day', 'week', 'month'] as const) {
            const key = `${kind} ${label[kind](date)}`;
            starts.set(
              key,
              (starts.get(key) ?? new Set()).add(periodAt({ kind, timeZone, anchor: null }, clock)!.start),
            );
          }
        }
        const all = [...starts.values()].map((set) => [...set]);
        expect(all.filter((set) => set.length !== 1)).toEqual([]);
        const byKind = ['day', 'week', 'month'].map((kind) =>
          [...starts].filter(([key]) => key.startsWith(kind)).map(([, set]) => [...set][0]),
        );
        for (const list of byKind) expect(new Set(list).size).toBe(list.length);
      }),
      { numRuns: 120 },
    );
  });

  it('begin where the clocks first show their beginning', () => {
    fc.assert(
      fc.property(zones, times, (zone, wall) => {
        const moment = firstMomentOf(zone, wall);
        expect(wallTime(zone, moment)).toBeGreaterThanOrEqual(wall);
        expect(wallTime(zone, moment - 1)).toBeLessThan(wall);
      }),
      { numRuns: 400 },
    );
  });
});
