import { z } from 'zod';

/** Decimal places and digits of every amount, as `NUMERIC(38,12)` in PostgreSQL. */
export const AMOUNT_SCALE = 12;
const INTEGER_DIGITS = 26;

const NOT_DECIMAL = 'must be a decimal number such as "12.5"';
const PLAIN = /^-?(0|[1-9]\d*)(\.\d+)?$/;

/**
 * The plain decimal form of a JSON number, as short as the number itself (`1e-7` → `0.0000001`). Exact for the digits
 * that ECMAScript prints. Throws RangeError for NaN and infinities.
 */
export function plainDecimal(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('not a finite number');
  const [mantissa = '0', exponent] = String(value).split('e');
  if (exponent === undefined) return mantissa;
  const negative = mantissa.startsWith('-');
  const [whole = '0', fraction = ''] = mantissa.replace('-', '').split('.');
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  const shifted =
    point <= 0
      ? `0.${'0'.repeat(-point)}${digits}`
      : point >= digits.length
        ? digits + '0'.repeat(point - digits.length)
        : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return negative ? `-${shifted}` : shifted;
}

/** The shortest form of a plain decimal: no trailing zeros after the point, no negative zero. `1.50` → `1.5`. */
export function normalizeDecimal(value: string): string {
  const trimmed = value.includes('.') && value.endsWith('0') ? value.replace(/0+$/, '').replace(/\.$/, '') : value;
  return trimmed === '-0' ? '0' : trimmed;
}

function fits(value: string): boolean {
  // Too short to have too many digits on either side of a point.
  if (value.length <= AMOUNT_SCALE) return true;
  const [whole = '', fraction = ''] = value.replace('-', '').split('.');
  return whole.length <= INTEGER_DIGITS && fraction.length <= AMOUNT_SCALE;
}

/** An amount as a decimal string in its shortest form, at most 26 digits before the point and 12 after it. */
export const amount = z
  .string({ error: ({ input }) => (input === undefined ? undefined : 'must be a decimal string such as "12.5"') })
  .regex(PLAIN, NOT_DECIMAL)
  .refine(fits, `must have at most ${INTEGER_DIGITS} digits before the point and ${AMOUNT_SCALE} after it`)
  .overwrite(normalizeDecimal)
  .meta({
    id: 'Amount',
    description: `A decimal string of at most ${INTEGER_DIGITS} digits before the point and ${AMOUNT_SCALE} after it.`,
    examples: ['12.5'],
  });

/** An amount of zero or more, as a decimal string; a JSON number is taken too and read as its shortest decimal form. */
export const costInput = z
  .union([z.string(), z.number()], { error: NOT_DECIMAL })
  .describe('A decimal string of at most 12 places; a number is taken too and read as its shortest decimal form.')
  .transform((value) => (typeof value === 'number' ? plainDecimal(value) : value))
  .pipe(amount)
  .refine((value) => !value.startsWith('-'), 'must not be negative');

/** ISO 4217 style currency code. */
export const currency = z.string().regex(/^[A-Z]{3}$/, 'must be a three-letter code such as "USD"');
