const SECOND = 1000;
const HOUR = 60 * 60 * SECOND;
/** No clock is more than 15 hours ahead of UTC, nor 13 behind it. */
const MOST_AHEAD = 15 * HOUR;
const MOST_BEHIND = 13 * HOUR;
const MAX_FORMATTERS = 256;

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  // Names are told apart by case here and not by Intl: without a bound, spellings could fill the memory.
  if (formatters.size >= MAX_FORMATTERS) formatters.clear();
  const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', minute: 'numeric', second: 'numeric' } as const;
  const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', hour: 'numeric', ...numeric });
  formatters.set(zone, made);
  return made;
}

/** Milliseconds that the clocks of an IANA time zone are ahead of UTC at a time (milliseconds since the epoch). */
export function offsetAt(zone: string, time: number): number {
  if (zone === 'UTC') return 0;
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(time)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / SECOND) * SECOND;
}

/** What the clocks of a zone show at a time, as if it were UTC: both in milliseconds since the epoch. */
export function wallTime(zone: string, time: number): number {
  return time + offsetAt(zone, time);
}

/**
 * The first moment at which the clocks of a zone show `wall` or later: the first of two when they are put back over it, the
 * moment they are put forward when that skips it. Grows with `wall`.
 */
export function firstMomentOf(zone: string, wall: number): number {
  let low = wall - MOST_AHEAD;
  let high = wall + MOST_BEHIND;
  const before = offsetAt(zone, low);
  const after = offsetAt(zone, high);
  if (before === after) return wall - before;
  // The clocks change in between: `high` becomes the first moment of the new offset.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle) === before) low = middle;
    else high = middle;
  }
  if (wall - before < high) return wall - before;
  return Math.max(wall - offsetAt(zone, high), high);
}
