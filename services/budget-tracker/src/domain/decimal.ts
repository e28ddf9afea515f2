import { AMOUNT_SCALE } from '@governsai/contracts';

/** An exact amount, counted in units of 10^-12: `NUMERIC(38,12)` without its point. */
export type Decimal = bigint;

export const ZERO: Decimal = 0n;

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * Reads a plain decimal string, as PostgreSQL and `contracts/money` print it. Throws RangeError for anything else and for
 * more than 12 decimal places, which would have to be rounded.
 */
export function parseDecimal(text: string): Decimal {
  const [, sign, whole = '', fraction = ''] = PLAIN.exec(text) ?? [];
  if (sign === undefined || fraction.length > AMOUNT_SCALE) {
    throw new RangeError(`not a decimal number of at most ${AMOUNT_SCALE} places: ${text.slice(0, 64)}`);
  }
  const scaled = BigInt(whole + fraction.padEnd(AMOUNT_SCALE, '0'));
  return sign === '-' ? -scaled : scaled;
}

/** The shortest plain form: `1.5`, `0`, `-0.000000000001`. The inverse of {@link parseDecimal}. */
export function formatDecimal(value: Decimal): string {
  const digits = (value < 0n ? -value : value).toString().padStart(AMOUNT_SCALE + 1, '0');
  const whole = digits.slice(0, -AMOUNT_SCALE);
  const fraction = digits.slice(-AMOUNT_SCALE).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A whole number of things (tokens, calls) as an amount. Throws RangeError when it is not a whole number. */
export function wholeDecimal(count: number): Decimal {
  return BigInt(count) * 10n ** BigInt(AMOUNT_SCALE);
}

/** `part` as a percentage of `whole`, cut to two decimal places, for people to read. Of nothing, anything is 100. */
export function percentOf(part: Decimal, whole: Decimal): number {
  if (whole === ZERO) return part === ZERO ? 0 : 100;
  return Number((part * 10_000n) / whole) / 100;
}

/** Whether `part` is at least `percent` (a whole number) per cent of `whole`, exactly. */
export function reaches(part: Decimal, percent: number, whole: Decimal): boolean {
  return part * 100n >= whole * BigInt(percent);
}

/** The smaller of two amounts: Math.min takes no bigint. */
export function smaller(a: Decimal, b: Decimal): Decimal {
  if (a < b) return a;
  return b;
}
