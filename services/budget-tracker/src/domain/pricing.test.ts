import { describe, expect, it } from '@jest/globals';
import { sampleRecorded } from '../testing.ts';
import { formatDecimal, parseDecimal } from './decimal.ts';
import { type Price, priced } from './pricing.ts';

const DAY = 24 * 60 * 60 * 1000;
const at = Date.parse('2026-03-04T05:00:00.000Z');

function price(given: Partial<Price> = {}): Price {
  const rates = { input: parseDecimal('0.0000025'), output: parseDecimal('0.00001') };
  return { id: 1, orgId: 'acme', provider: '', model: 'm-1', currency: 'USD', ...rates, from: 0, to: null, ...given };
}

const used = sampleRecorded({ at, model: 'm-1', provider: 'p-1', inputTokens: 1234, outputTokens: 7 });

describe('pricing', () => {
  it('prices tokens exactly and keeps which price it was', () => {
    const { cost, currency, priceId } = priced(used, [price({ id: 9 })]);
    expect(formatDecimal(cost ?? 0n)).toBe('0.003155');
    expect([currency, priceId]).toEqual(['USD', 9]);
  });

  it('leaves a decision that names its cost as it is, be it nothing', () => {
    const free = { ...used, cost: 0n, currency: 'EUR' };
    expect(priced(free, [price()])).toBe(free);
  });

  it.each([
    ['another org', { orgId: 'globex' }],
    ['another model', { model: 'm-2' }],
    ['another provider', { provider: 'p-2' }],
    ['a later time', { from: at + 1 }],
    ['an earlier time', { to: at }],
  ])('takes no price of %s', (_of, given) => expect(priced(used, [price(given)])).toBe(used));

  it.each([
    ['of the provider itself', [price({ id: 1, provider: 'p-1' }), price({ id: 2, from: at - DAY })], 1],
    ['that began last', [price({ id: 1, from: at - DAY }), price({ id: 2, from: at - 2 * DAY })], 1],
    ['that was stored last, of those that began together', [price({ id: 1 }), price({ id: 2 })], 2],
  ])('takes the price %s', (_which, prices, id) => expect(priced(used, prices).priceId).toBe(id));

  it('takes the price for any provider when the usage names none', () => {
    const prices = [price({ id: 1, provider: 'p-1' }), price({ id: 2 })];
    expect(priced({ ...used, provider: null }, prices).priceId).toBe(2);
  });
});
