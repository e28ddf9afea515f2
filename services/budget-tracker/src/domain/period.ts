import type { BudgetPeriod } from '@governsai/contracts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
// 1970-01-01 was a Thursday; the Monday before it is three days earlier.
const FIRST_MONDAY = -3 * DAY;

/** A span of time that a budget counts: from `start` up to, not including, `end`. Milliseconds since the epoch, UTC. */
export interface Period {
  start: number;
  end: number;
}

/** The period of a kind in UTC that holds `time` (milliseconds since the epoch); null for `total`, which never ends. */
export function periodAt(kind: BudgetPeriod, time: number): Period | null {
  switch (kind) {
    case 'total':
      return null;
    case 'hour':
      return aligned(time, HOUR, 0);
    case 'day':
      return aligned(time, DAY, 0);
    case 'week':
      return aligned(time, WEEK, FIRST_MONDAY);
    case 'month': {
      const date = new Date(time);
      const year = date.getUTCFullYear();
      const month = date.getUTCMonth();
      return { start: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
    }
  }
}

function aligned(time: number, length: number, origin: number): Period {
  const start = Math.floor((time - origin) / length) * length + origin;
  return { start, end: start + length };
}

/** Start of the hour that holds `time`, in milliseconds since the epoch: the bucket of a usage rollup. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR) * HOUR;
}
