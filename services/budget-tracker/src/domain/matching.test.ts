import { compileCondition } from '@governsai/cel';
import { describe, expect, it } from '@jest/globals';
import { sampleBudget, sampleRecorded } from '../testing.ts';
import { parseDecimal } from './decimal.ts';
import { amountFor, candidateOf, isInScope } from './matching.ts';

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
    expect(isInScope(sampleBudget({ scope }), candidateOf(sampleRecorded(of)))).toBe(expected);
  });

  it('does not take a decision without a user for any user', () =>
    expect(isInScope(sampleBudget({ scope: { userId: 'u1' } }), candidateOf(sampleRecorded()))).toBe(false));

  it('leaves out what happened before it starts and after it ends', () => {
    const at = Date.parse('2026-03-04T05:06:07.000Z');
    const inForce = (given: Parameters<typeof sampleBudget>[0]) =>
      isInScope(sampleBudget(given), candidateOf(sampleRecorded({ at })));
    expect(inForce({ startsAt: at, endsAt: at + 1 })).toBe(true);
    expect(inForce({ startsAt: at + 1 })).toBe(false);
    expect(inForce({ endsAt: at })).toBe(false);
  });

  it.each([
    ['tool.glob("web.*") && usage.cost > 1.0', true],
    ['"eu" in tags && userId == "u1"', true],
    ['usage.model == "other"', false],
    ['tags[7] == "x"', false],
  ])('meets the condition %s: %s', (when, expected) => {
    const budget = sampleBudget({ scope: { when }, condition: compileCondition(when, 'when') });
    const recorded = sampleRecorded({ ...of, cost: parseDecimal('1.5'), model: 'm-1' });
    const view = { ...recorded.view, tool: recorded.tool, tags: [...recorded.tags] };
    expect(isInScope(budget, candidateOf({ ...recorded, view }))).toBe(expected);
  });

  it('G6: leaves out another org', () =>
    expect(isInScope(sampleBudget(), candidateOf(sampleRecorded({ orgId: 'globex' })))).toBe(false));
});

describe('amount of a decision', () => {
  const usage = { cost: parseDecimal('1.25'), currency: 'USD', inputTokens: 100, outputTokens: 20 };
  const amount = (budget: Parameters<typeof sampleBudget>[0], recorded: Parameters<typeof sampleRecorded>[0]) =>
    amountFor(sampleBudget(budget), sampleRecorded(recorded));
  const is = (text: string) => parseDecimal(text);

  it('is the cost in the same currency', () => expect(amount({}, usage)).toBe(is('1.25')));
  it('takes a cost without a currency for its own', () =>
    expect(amount({}, { ...usage, currency: null })).toBe(is('1.25')));
  it('is not known in another currency', () => expect(amount({}, { ...usage, currency: 'EUR' })).toBeNull());
  it('is nothing without a cost', () => expect(amount({}, { currency: 'EUR' })).toBe(is('0')));
  it('is both kinds of tokens', () => expect(amount({ unit: 'tokens', currency: null }, usage)).toBe(is('120')));
  it('is one call', () => expect(amount({ unit: 'calls', currency: null }, {})).toBe(is('1')));
});
