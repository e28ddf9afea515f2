import type { BudgetPeriod } from '@governsai/contracts';
import { firstMomentOf, wallTime } from './wall-clock.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const MAX_REMEMBERED = 1024;

/** A span of time that a budget counts: from `start` up to, not including, `end`. Milliseconds since the epoch. */
export interface Period {
  start: number;
  end: number;
}

/** How a budget's periods lie in time. */
export interface PeriodRule {
  kind: BudgetPeriod;
  /** IANA name. */
  timeZone: string;
  /**
   * A moment at whose local time of day, weekday and day of month periods begin (milliseconds since the epoch); a month
   * without that day has its last one for it. Null: at midnight, on Monday, on the first.
   */
  anchor: number | null;
}

/**
 * The period that holds `time` (milliseconds since the epoch); null for `total`, which never ends. Days, weeks and months
 * begin when the zone's clocks first show their beginning, so that one may be an hour shorter or longer; a day that the clocks
 * skip is none. Hours are 60 minutes each and begin on the full hour of UTC, or at the anchor's distance from it.
 */
export function periodAt(rule: PeriodRule, time: number): Period | null {
  if (rule.kind === 'total') return null;
  const key = `${rule.kind} ${rule.timeZone} ${rule.anchor}`;
  const last = remembered.get(key);
  // Times come in order, more or less: nearly always it is the period of the time before.
  if (last && last.start <= time && time < last.end) return last;
  const found = rule.kind === 'hour' ? hourAt(time, rule.anchor ?? 0) : calendarPeriod(rule.kind, rule, time);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(key, found);
  return found;
}

const remembered = new Map<string, Period>();

function hourAt(time: number, anchor: number): Period {
  const start = Math.floor((time - anchor) / HOUR) * HOUR + anchor;
  return { start, end: start + HOUR };
}

function calendarPeriod(kind: 'day' | 'week' | 'month', rule: PeriodRule, time: number): Period {
  const calendar = CALENDARS[kind](rule.anchor === null ? null : wallTime(rule.timeZone, rule.anchor));
  const startOf = (index: number) => firstMomentOf(rule.timeZone, calendar.begin(index));
  // Clocks that were put back over a beginning show the period before again: the latest that has begun is the right one.
  let index = calendar.indexOf(wallTime(rule.timeZone, time)) + 2;
  while (startOf(index) > time) index--;
  return { start: startOf(index), end: startOf(index + 1) };
}

/** Numbered periods on a clock without a zone: wall times in milliseconds, as if they were UTC. */
interface Calendar {
  /** When a period begins. */
  begin(index: number): number;
  /** Which period a wall time lies in, or one beside it. */
  indexOf(wall: number): number;
}

const CALENDARS: Record<'day' | 'week' | 'month', (anchor: number | null) => Calendar> = {
  day: (anchor) => {
    const timeOfDay = modulo(anchor ?? 0, DAY);
    return {
      begin: (index) => index * DAY + timeOfDay,
      indexOf: (wall) => Math.floor((wall - timeOfDay) / DAY),
    };
  },
  week: (anchor) => {
    // 1970-01-05 was a Monday.
    const origin = modulo(anchor ?? 4 * DAY, 7 * DAY);
    return {
      begin: (index) => index * 7 * DAY + origin,
      indexOf: (wall) => Math.floor((wall - origin) / (7 * DAY)),
    };
  },
  month: (anchor) => {
    const timeOfDay = modulo(anchor ?? 0, DAY);
    const dayOfMonth = new Date(anchor ?? 0).getUTCDate();
    return {
      begin(index) {
        const lastDay = new Date(Date.UTC(0, index + 1, 0)).getUTCDate();
        return Date.UTC(0, index, Math.min(dayOfMonth, lastDay)) + timeOfDay;
      },
      indexOf(wall) {
        const date = new Date(wall);
        return (date.getUTCFullYear() - YEAR_OF_INDEX_0) * 12 + date.getUTCMonth();
      },
    };
  },
};

/** What Date.UTC takes the year 0 for. */
const YEAR_OF_INDEX_0 = 1900;

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}

/** Start of the hour of UTC that holds `time`, in milliseconds since the epoch: the bucket of a usage rollup. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR) * HOUR;
}
