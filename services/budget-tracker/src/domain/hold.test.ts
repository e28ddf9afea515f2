import { describe, expect, it } from '@jest/globals';
import { sampleBudget, sampleHold, sampleRecorded } from '../testing.ts';
import { parseDecimal } from './decimal.ts';
import { matchHolds, refuses, wantedOf } from './hold.ts';

const amount = parseDecimal;

describe('a hard budget', () => {
  const hard = sampleBudget({ hard: true });
  const state = { committed: amount('90'), held: amount('5'), carried: 0n, version: 1, period: null };
  const spending = { amount: 0n, currency: null, tokens: null };

  it.each([
    ['5', false],
    ['5.000000000001', true],
    ['0', false],
  ])('G5: with 5 left refuses %s: %s', (wanted, expected) =>
    expect(refuses(hard, state, amount(wanted), spending)).toBe(expected),
  );

  it('has more room by what was carried over', () =>
    expect(refuses(hard, { ...state, carried: amount('1') }, amount('6'), spending)).toBe(false));

  it('refuses tokens of unknown number when none are left', () => {
    const tokens = { ...hard, unit: 'tokens' as const, currency: null };
    expect(refuses(tokens, { ...state, held: amount('10') }, 0n, spending)).toBe(true);
    expect(refuses(tokens, { ...state, held: amount('10') }, 0n, { ...spending, tokens: 0 })).toBe(false);
    expect(refuses(tokens, state, 0n, spending)).toBe(false);
  });

  it('a soft one refuses nothing', () => expect(refuses(sampleBudget(), state, amount('1000'), spending)).toBe(false));
});

describe('what a call wants of a budget', () => {
  const spending = { amount: amount('2'), currency: null, tokens: 30 };

  it('is money, tokens, or the call itself', () => {
    expect(wantedOf(sampleBudget(), spending)).toBe(amount('2'));
    expect(wantedOf(sampleBudget(), { ...spending, currency: 'USD' })).toBe(amount('2'));
    expect(wantedOf(sampleBudget(), { ...spending, currency: 'EUR' })).toBeNull();
    expect(wantedOf(sampleBudget({ unit: 'tokens', currency: null }), spending)).toBe(amount('30'));
    expect(wantedOf(sampleBudget({ unit: 'calls', currency: null }), spending)).toBe(amount('1'));
  });
});

describe('the hold of a decision', () => {
  const spent = (seq: number, given = {}) =>
    sampleRecorded({ seq, tool: 't', correlationId: 'c', hasUsage: true, ...given });
  const found = (recorded: ReturnType<typeof spent>[], holds: ReturnType<typeof sampleHold>[]) => {
    const matched = matchHolds(recorded, holds);
    return recorded.map((one) => matched.get(one)?.id ?? null);
  };
  const hold = (id: string, createdAt: number, given = {}) =>
    sampleHold({ id, createdAt, tool: 't', correlationId: 'c', ...given });

  it('is the one it names, also when that was given back', () => {
    const holds = [hold('a', 1), hold('b', 2, { status: 'expired', correlationId: null })];
    expect(found([spent(1, { holdId: 'b' })], holds)).toEqual(['b']);
    expect(found([spent(1, { holdId: 'x' })], holds)).toEqual([null]);
  });

  it('is else the oldest open or settled one with its correlation id and tool, each for one decision', () => {
    const holds = [
      hold('d', 4),
      hold('b', 2, { status: 'settled' }),
      hold('a', 1, { status: 'released' }),
      hold('c', 3, { tool: 'u' }),
    ];
    expect(found([spent(1), spent(2), spent(3)], holds)).toEqual(['b', 'd', null]);
  });

  it('is none for a decision that says nothing of usage, as a precheck', () =>
    expect(found([spent(1, { hasUsage: false })], [hold('a', 1)])).toEqual([null]));

  it('is not one that a decision was matched with before', () => {
    const taken = hold('a', 1, { status: 'settled', decisionId: 'dec_0' });
    expect(found([spent(1), spent(2, { holdId: 'a' })], [taken])).toEqual([null, null]);
    expect(found([spent(1, { holdId: 'a' }), spent(2, { holdId: 'a' })], [hold('a', 1)])).toEqual(['a', null]);
  });

  it('G6: is not one of another org', () =>
    expect(found([spent(1, { holdId: 'a' })], [hold('a', 1, { orgId: 'globex' })])).toEqual([null]));
});
