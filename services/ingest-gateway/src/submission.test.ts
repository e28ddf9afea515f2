import { AppError, DEFAULT_LIMITS, type Principal, SCOPES } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { createSubmissionParser } from './submission.ts';

const principal: Principal = {
  kind: 'apiKey',
  orgId: 'acme',
  userId: 'user-1',
  keyId: 'key-1',
  scopes: [...SCOPES],
  expiresAt: null,
};
const RECEIVED = '2026-01-01T00:00:00.000Z';
const parser = createSubmissionParser(DEFAULT_LIMITS);
const parse = (message: unknown, as = principal) => parser.parse(message, as, RECEIVED);

const message = (data: object = {}, envelope: object = {}) => ({
  type: 'INGEST',
  channel: 'org:acme:decisions',
  schema: 'decision.v1',
  idempotencyKey: 'key',
  data: { orgId: 'acme', direction: 'precheck', decision: 'allow', tool: 'web.fetch', ...data },
  ...envelope,
});

function refusal(of: () => unknown): { code: string; path: string | undefined } {
  try {
    of();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, path: error.path };
    throw error;
  }
  throw new Error('was not refused');
}

describe('parsing an INGEST', () => {
  it('takes the org and the channel from the connection where the message leaves them out or null', () => {
    const submission = parse(message({ orgId: null, tool: null, scope: null }, { channel: null }));
    expect(submission.orgId).toBe('acme');
    expect(submission.data).toEqual({ direction: 'precheck', decision: 'allow' });
  });

  it('G12: drops raw text of decisions and of events', () => {
    const raw = { rawText: 'secret', rawTextOut: 'secret', payloadOut: { text: 'secret' } };
    expect(JSON.stringify(parse(message(raw)))).not.toContain('secret');
    expect(JSON.stringify(parse(message(raw, { schema: 'toolcall.v1' })))).not.toContain('secret');
  });

  it('G2: gives one key of one org one id, and of two orgs two', () => {
    const id = parse(message()).decisionId;
    expect(parse(message({ decision: 'deny' })).decisionId).toBe(id);
    expect(parse(message({ orgId: null }, { channel: null }), { ...principal, orgId: 'globex' }).decisionId).not.toBe(
      id,
    );
  });

  it('G12: hands raw text on apart from the data when the org keeps it, and only what is there', () => {
    const keeping = { ...principal, keepRawText: true };
    const kept = parse(message({ rawText: 'secret', rawTextOut: null }), keeping);
    expect(kept.rawText).toEqual({ rawText: 'secret' });
    expect(JSON.stringify(kept.data)).not.toContain('secret');
    expect(kept.bodyHash).toBe(parse(message()).bodyHash);
    expect(parse(message(), keeping)).not.toHaveProperty('rawText');
  });

  it('G2: takes bodies for the same that differ in nulls, the org, raw text, unknown fields or the form of a number', () => {
    const hash = parse(message({ usage: { cost: '0.5' } })).bodyHash;
    expect(parse(message({ orgId: null, usage: { cost: 0.5 }, rawText: 'x', unknown: 1, tags: null })).bodyHash).toBe(
      hash,
    );
    expect(parse(message({ usage: { cost: '0.51' } })).bodyHash).not.toBe(hash);
  });

  it.each([
    ['a missing direction', { direction: undefined }, 'data.direction'],
    ['an unknown decision', { decision: 'maybe' }, 'data.decision'],
    ['a negative latency', { latencyMs: -1 }, 'data.latencyMs'],
    ['a bad time', { ts: 'yesterday' }, 'data.ts'],
    ['a negative cost', { usage: { cost: '-1' } }, 'data.usage.cost'],
    ['a cost of 13 places', { usage: { cost: '0.1234567890123' } }, 'data.usage.cost'],
    ['U+0000', { scope: 'a\u0000b' }, 'data.scope'],
    ['a lone surrogate', { correlationId: '\ud800' }, 'data.correlationId'],
    ['too many tags', { tags: Array(65).fill('t') }, 'data.tags'],
    ['a long tag', { tags: ['t'.repeat(65)] }, 'data.tags.0'],
  ])('G10: names the field of %s', (_, data, path) => {
    expect(refusal(() => parse(message(data)))).toEqual({ code: 'VALIDATION_FAILED', path });
  });

  it.each([
    ['another org in data', message({ orgId: 'globex' }), 'FORBIDDEN'],
    ["another org's channel", message({}, { channel: 'org:globex:decisions' }), 'FORBIDDEN'],
    ['an unknown schema', message({}, { schema: 'decision.v2' }), 'UNSUPPORTED_SCHEMA'],
    ['no key', message({}, { idempotencyKey: '' }), 'VALIDATION_FAILED'],
    ['a message that is no object', 'INGEST', 'VALIDATION_FAILED'],
  ])('refuses %s', (_, refused, code) => {
    expect(refusal(() => parse(refused)).code).toBe(code);
  });

  it('G6: refuses a credential without decisions:write', () => {
    expect(refusal(() => parse(message(), { ...principal, scopes: ['decisions:read'] })).code).toBe('FORBIDDEN');
  });
});
