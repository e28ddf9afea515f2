import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clientTimestamp, decisionData, RAW_TEXT_FIELDS } from './decision.ts';

describe('times of clients', () => {
  it.each([
    ['2026-01-31T23:59:59Z', '2026-01-31T23:59:59.000Z'],
    ['2026-01-31T23:59:59', '2026-01-31T23:59:59.000Z'],
    ['2026-01-31t23:59:59z', '2026-01-31T23:59:59.000Z'],
    ['2026-01-31T23:59:59.5Z', '2026-01-31T23:59:59.500Z'],
    ['2026-01-31T23:59:59.123456Z', '2026-01-31T23:59:59.123Z'],
    ['2026-01-31T23:59:59.999999999', '2026-01-31T23:59:59.999Z'],
    ['2026-01-31T23:59:59.123+05:30', '2026-01-31T18:29:59.123Z'],
    ['2026-01-01T00:30:00-00:45', '2026-01-01T01:15:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('reads %s', (written, read) => expect(clientTimestamp.parse(written)).toBe(read));

  it.each([
    '',
    'now',
    '2026-01-31',
    '2026-01-31 23:59:59Z',
    '2026-1-31T23:59:59Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:60:00Z',
    '2026-01-01T23:59:60Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+0100',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00Z ',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '+12026-01-01T00:00:00Z',
  ])('refuses %j', (written) => expect(clientTimestamp.safeParse(written).success).toBe(false));

  it('reads back every time it writes', () => {
    const time = fc.date({
      noInvalidDate: true,
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
    });
    fc.assert(fc.property(time, (date) => expect(clientTimestamp.parse(date.toISOString())).toBe(date.toISOString())));
  });
});

describe('decision.v1 data', () => {
  const least = { direction: 'precheck', decision: 'allow' };

  it('needs only direction and decision', () => {
    expect(decisionData.parse(least)).toEqual(least);
  });

  it('takes null for every optional field', () => {
    const optional = Object.keys(decisionData.shape).filter((name) => !(name in least));
    const data = { ...least, ...Object.fromEntries(optional.map((name) => [name, null])) };
    expect(decisionData.parse(data)).toEqual(data);
  });

  it('G12: drops raw text and what it does not know', () => {
    const raw = Object.fromEntries(RAW_TEXT_FIELDS.map((name) => [name, 'secret']));
    expect(decisionData.parse({ ...least, ...raw, other: 1 })).toEqual(least);
  });

  it('reads what the precheck service sends', () => {
    const data = {
      orgId: null,
      direction: 'precheck',
      decision: 'redact',
      tool: null,
      scope: null,
      rawText: 'call me at 555-0100',
      rawTextOut: 'call me at <phone>',
      payloadHash: `sha256:${'ab'.repeat(32)}`,
      latencyMs: 12,
      correlationId: 'req-1',
      tags: [],
      ts: '2026-01-31T23:59:59Z',
      detectorSummary: { reasons: ['pii'], confidence: 0.93, piiDetected: ['phone'] },
      authentication: { userId: 'u1', apiKeyId: null },
    };
    const { rawText: _in, rawTextOut: _out, ...kept } = data;
    expect(decisionData.parse(data)).toEqual({ ...kept, ts: '2026-01-31T23:59:59.000Z' });
  });

  it.each([
    [{ direction: 'during' }, 'direction'],
    [{ decision: 'maybe' }, 'decision'],
    [{ latencyMs: -1 }, 'latencyMs'],
    [{ payloadHash: 'md5:1' }, 'payloadHash'],
    [{ payloadHash: 'sha256:' }, 'payloadHash'],
    [{ tool: 'a\u0000b' }, 'tool'],
    [{ scope: '\ud800' }, 'scope'],
    [{ tags: new Array(65).fill('t') }, 'tags'],
    [{ tags: ['t'.repeat(65)] }, 'tags.0'],
    [{ usage: { cost: '1e5' } }, 'usage.cost'],
    [{ usage: { cost: -1 } }, 'usage.cost'],
    [{ usage: { inputTokens: 1.5 } }, 'usage.inputTokens'],
    [{ usage: { currency: 'usd' } }, 'usage.currency'],
  ])('G10: refuses %j and names the field', (change, path) => {
    expect(decisionData.safeParse({ ...least, ...change }).error?.issues[0]?.path.join('.')).toBe(path);
  });
});
