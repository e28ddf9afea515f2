import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatDecimal, parseDecimal, percentOf, reaches, wholeDecimal } from './decimal.ts';

// NUMERIC(38,12): 26 digits before the point, 12 after it.
const decimal = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n });

describe('decimal', () => {
  it('reads back every amount it prints', () => {
    fc.assert(fc.property(decimal, (value) => expect(parseDecimal(formatDecimal(value))).toBe(value)));
  });

  it('prints the shortest plain form', () => {
    fc.assert(
      fc.property(decimal, (value) => expect(formatDecimal(value)).toMatch(/^-?(0|[1-9]\d*)(\.\d{0,11}[1-9])?$/)),
    );
  });

  it('adds as PostgreSQL does: no digit is lost', () => {
    const cents = fc.nat({ max: 10 ** 9 });
    fc.assert(
      fc.property(fc.array(cents, { maxLength: 50 }), (all) => {
        const sum = all.reduce((total, one) => total + parseDecimal(`0.${String(one).padStart(12, '0')}`), 0n);
        expect(sum).toBe(BigInt(all.reduce((total, one) => total + one, 0)));
      }),
    );
    expect(formatDecimal(parseDecimal('0.1') + parseDecimal('0.2'))).toBe('0.3');
  });

  it.each([
    ['7000.000000000000', '7000'],
    ['0', '0'],
    ['-0.5', '-0.5'],
    ['0.000000000001', '0.000000000001'],
    ['99999999999999999999999999.999999999999', '99999999999999999999999999.999999999999'],
  ])('reads %s as %s', (text, shortest) => expect(formatDecimal(parseDecimal(text))).toBe(shortest));

  it.each(['', '1e3', '.5', '1.', 'NaN', '0x1', '0.0000000000001', ' 1'])('refuses %j', (text) =>
    expect(() => parseDecimal(text)).toThrow(RangeError),
  );

  it('counts whole things', () => expect(formatDecimal(wholeDecimal(1_000_000))).toBe('1000000'));

  it('cuts percentages to two places', () => {
    expect(percentOf(parseDecimal('2000'), parseDecimal('7000'))).toBe(28.57);
    expect(percentOf(parseDecimal('150'), parseDecimal('100'))).toBe(150);
    expect(percentOf(0n, 0n)).toBe(0);
    expect(percentOf(1n, 0n)).toBe(100);
  });

  it('reaches a percentage exactly, not a rounding before it', () => {
    const limit = parseDecimal('7000');
    expect(reaches(parseDecimal('3499.999999999999'), 50, limit)).toBe(false);
    expect(reaches(parseDecimal('3500'), 50, limit)).toBe(true);
  });
});
