import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AMOUNT_SCALE, amount, costInput, normalizeDecimal, plainDecimal } from './money.ts';

/** A plain decimal as a whole number of 10^-scale, exactly. */
function scaled(decimal: string, scale: number): bigint {
  const [whole = '', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

/** What a number printed by ECMAScript stands for, times 10^400: an integer for every double. */
function exactly(value: number): bigint {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return BigInt(whole + fraction) * 10n ** BigInt(400 + Number(exponent) - fraction.length);
}

/** Decimal strings of an amount's width, also with zeros at the end. */
const decimals = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 26n - 1n }), fc.stringMatching(/^[0-9]{0,12}$/), fc.boolean())
  .map(([whole, fraction, negative]) => `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`);

describe('plainDecimal', () => {
  it.each([
    [0, '0'],
    [-0, '0'],
    [1e-7, '0.0000001'],
    [1.5e-7, '0.00000015'],
    [1e21, '1000000000000000000000'],
    [1.25e21, '1250000000000000000000'],
    [-2.5e-10, '-0.00000000025'],
    [0.1 + 0.2, '0.30000000000000004'],
  ])('writes %d as %s', (value, plain) => expect(plainDecimal(value)).toBe(plain));

  it('keeps every digit and comes back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const plain = plainDecimal(value);
        expect(plain).toMatch(/^-?(0|[1-9]\d*)(\.\d+)?$/);
        expect(Number(plain)).toBe(value === 0 ? 0 : value);
        expect(scaled(plain, 400)).toBe(exactly(value));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (value) => {
    expect(() => plainDecimal(value)).toThrow(RangeError);
  });
});

describe('amounts', () => {
  it('keep their value and have one form', () => {
    fc.assert(
      fc.property(decimals, (written) => {
        const read = amount.parse(written);
        expect(scaled(read, AMOUNT_SCALE)).toBe(scaled(written, AMOUNT_SCALE));
        expect(read).not.toMatch(/\.\d*0$|\.$|^-0$/);
        expect(amount.parse(read)).toBe(read);
      }),
    );
  });

  it.each(['', '.5', '5.', '007', '+1', '1e5', '1,5', ' 1', 'NaN', '1.0000000000000', `1${'0'.repeat(26)}`])(
    'refuses %j',
    (written) => expect(amount.safeParse(written).success).toBe(false),
  );

  it('are normalized', () => {
    expect(['1.50', '0.0', '-0.000', '10', '-1.10'].map(normalizeDecimal)).toEqual(['1.5', '0', '0', '10', '-1.1']);
  });
});

describe('costs', () => {
  it('are taken as numbers too, read as their shortest decimal form', () => {
    expect([0.0001, 12, 1e-12, -0].map((cost) => costInput.parse(cost))).toEqual([
      '0.0001',
      '12',
      '0.000000000001',
      '0',
    ]);
  });

  it.each([-1, '-0.5', 1e-13, 0.1 + 0.2, 1e300, Number.NaN, null, true])('refuse %j', (cost) => {
    expect(costInput.safeParse(cost).success).toBe(false);
  });
});
