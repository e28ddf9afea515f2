import pg from 'pg';

const INT8 = 20;
const INT8_ARRAY = 1016;
const NUMERIC_ARRAY = 1231;
const TIMESTAMPTZ = 1184;
const TIMESTAMPTZ_ARRAY = 1185;
const TEXT_ARRAY: number = 1009;

/** An int8 as a number. Sequences and counters stay below 2^53; throws RangeError beyond, rather than round. */
function parseInt8(value: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`the int8 ${value} does not fit a JavaScript number; select it as text (column::text)`);
}

const PLAIN_UTC = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/;
const parseDate = pg.types.getTypeParser(TIMESTAMPTZ) as (value: string) => Date | number;

/** A timestamptz as RFC 3339 UTC with milliseconds, finer digits cut off. Throws RangeError for infinity. */
function parseTimestamptz(value: string): string {
  const plain = PLAIN_UTC.exec(value);
  if (plain) return `${plain[1]}T${plain[2]}.${(plain[3] ?? '').padEnd(3, '0').slice(0, 3)}Z`;
  // The server's TimeZone is not UTC.
  const date = parseDate(value);
  if (date instanceof Date) return date.toISOString();
  throw new RangeError('an infinite timestamptz has no RFC 3339 form');
}

const parseTexts = pg.types.getTypeParser(TEXT_ARRAY) as (value: string) => (string | null)[];

function arrayOf<T>(parse: (value: string) => T): (value: string) => (T | null)[] {
  return (value) => parseTexts(value).map((item) => (item === null ? null : parse(item)));
}

const PARSERS = new Map<number, (value: string) => unknown>([
  [INT8, parseInt8],
  [INT8_ARRAY, arrayOf(parseInt8)],
  [NUMERIC_ARRAY, parseTexts],
  [TIMESTAMPTZ, parseTimestamptz],
  [TIMESTAMPTZ_ARRAY, arrayOf(parseTimestamptz)],
]);

/**
 * How columns become JavaScript values in raw SQL: int8 a number (RangeError beyond 2^53), NUMERIC a decimal string as
 * PostgreSQL prints it (`7000.000000000000`), timestamptz RFC 3339 UTC with milliseconds (finer digits are cut off), arrays
 * likewise, json and jsonb parsed, everything else as pg does. Given with each query: pg's global parsers, which Prisma and
 * others share, stay as they are.
 */
export const sqlTypes: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return (format !== 'binary' && PARSERS.get(oid)) || pg.types.getTypeParser(oid, format as 'text');
  },
};
