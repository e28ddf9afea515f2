import { describe, expect, it } from '@jest/globals';
import { sampleBudget, sampleRecorded } from '../testing.ts';
import { formatDecimal, parseDecimal } from './decimal.ts';
import { amountFor, isInScope } from './matching.ts';

const of = { userId: 'u1', keyId: 'k1', tool: 'web.fetch', tags: ['production', 'eu'] };

describe('scope of a budget', () => {
  it.each([
    [{}, true],
    [{ userId: 'u1' }, true],
    [{ userId: 'u2' }, false],
    [{ keyId: 'k1' }, true],
    [{ keyId: 'k2' }, false],
    [{ tool: 'web.fetch' }, true],
    [{ tool: 'web' }, false],
    [{ tag: 'eu' }, true],
    [{ tag: 'us' }, false],
    [{ userId: 'u1', keyId: 'k1', tool: 'web.fetch', tag: 'production' }, true],
    [{ userId: 'u1', tag: 'us' }, false],
  ])('%j: %s', (scope, expected) => {
    expect(isInScope(sampleBudget({ scope }), sampleRecorded(of))).toBe(expected);
  });

  it('does not take a decision without a user for any user', () =>
    expect(isInScope(sampleBudget({ scope: { userId: 'u1' } }), sampleRecorded())).toBe(false));

  it('leaves out what was stored before the budget', () => {
    const budget = sampleBudget({ fromSeq: 5 });
    expect(isInScope(budget, sampleRecorded({ seq: 4 }))).toBe(false);
    expect(isInScope(budget, sampleRecorded({ seq: 5 }))).toBe(true);
  });

  it('G6: leaves out another org', () =>
    expect(isInScope(sampleBudget(), sampleRecorded({ orgId: 'globex' }))).toBe(false));
});

describe('amount of a decision', () => {
  const usage = { cost: parseDecimal('1.25'), currency: 'USD', inputTokens: 100, outputTokens: 20 };
  const amount = (budget: Parameters<typeof sampleBudget>[0], recorded: Parameters<typeof sampleRecorded>[0]) =>
    formatDecimal(amountFor(sampleBudget(budget), sampleRecorded(recorded)));

  it('is the cost in the same currency', () => expect(amount({}, usage)).toBe('1.25'));
  it('takes a cost without a currency for its own', () =>
    expect(amount({}, { ...usage, currency: null })).toBe('1.25'));
  it('does not count another currency', () => expect(amount({}, { ...usage, currency: 'EUR' })).toBe('0'));
  it('is nothing without a cost', () => expect(amount({}, {})).toBe('0'));
  it('is both kinds of tokens', () => expect(amount({ unit: 'tokens', currency: null }, usage)).toBe('120'));
  it('is one call', () => expect(amount({ unit: 'calls', currency: null }, {})).toBe('1'));
});
