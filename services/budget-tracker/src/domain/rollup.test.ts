import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sampleRecorded } from '../testing.ts';
import { parseDecimal } from './decimal.ts';
import { dimension, rollUp, rollUpTags } from './rollup.ts';

describe('rollups', () => {
  it('sums by hour and dimensions', () => {
    const usage = { tool: 'web.fetch', currency: 'USD', cost: parseDecimal('0.1'), inputTokens: 3, outputTokens: 4 };
    const rollups = rollUp([
      sampleRecorded({ ...usage, seq: 1 }),
      sampleRecorded({ ...usage, seq: 2, cost: parseDecimal('0.2') }),
      sampleRecorded({ ...usage, seq: 3, currency: 'EUR' }),
      sampleRecorded({ ...usage, seq: 4, at: Date.parse('2026-03-04T06:00:00.000Z') }),
    ]);
    expect(rollups).toHaveLength(3);
    const usd = rollups.find((rollup) => rollup.calls === 2);
    expect(usd).toMatchObject({
      orgId: 'acme',
      bucket: Date.parse('2026-03-04T05:00:00.000Z'),
      tool: 'web.fetch',
      userId: '',
      currency: 'USD',
      cost: parseDecimal('0.3'),
      inputTokens: 6n,
      outputTokens: 8n,
    });
  });

  it('sums by tag, a decision once for each of its tags', () => {
    const rollups = rollUpTags([
      sampleRecorded({ seq: 1, tags: ['a', 'b', 'a'], cost: parseDecimal('1') }),
      sampleRecorded({ seq: 2, tags: ['b'], cost: parseDecimal('2') }),
      sampleRecorded({ seq: 3 }),
    ]);
    expect(rollups.map(({ tag, calls, cost }) => [tag, calls, cost])).toEqual([
      ['a', 1, parseDecimal('1')],
      ['b', 2, parseDecimal('3')],
    ]);
  });

  it('G10: keeps every dimension within 512 bytes, and long ones apart', () => {
    const long = fc.string({ minLength: 0, maxLength: 1024, unit: 'binary' });
    fc.assert(fc.property(long, (value) => expect(Buffer.byteLength(dimension(value))).toBeLessThanOrEqual(512)));
    const a = '漢'.repeat(1023);
    expect(dimension(`${a}a`)).not.toBe(dimension(`${a}b`));
    expect(dimension('web.fetch')).toBe('web.fetch');
    expect(dimension(null)).toBe('');
  });
});
