import { describe, expect, it } from '@jest/globals';
import { decisionView } from './decision.ts';
import { decisionViewOf } from './decision-view.ts';
import { type ChainRecord, GENESIS_HASH } from './record.ts';

const hash = 'a'.repeat(64);
const minimal: ChainRecord = {
  v: 1,
  orgId: 'acme',
  seq: 1,
  id: `dec_${'0'.repeat(32)}`,
  idempotencyKey: 'k',
  bodyHash: 'b'.repeat(64),
  direction: 'precheck',
  decision: 'allow',
  ts: '2026-01-01T00:00:00.000Z',
  receivedAt: '2026-01-01T00:00:01.000Z',
  recordedAt: '2026-01-01T00:00:02.000Z',
  prevHash: GENESIS_HASH,
};

describe('decisionViewOf', () => {
  it('says null or an empty list for what the client did not say', () => {
    const view = decisionViewOf(minimal, hash);
    expect(decisionView.parse(view)).toEqual(view);
    expect(view).toMatchObject({ tool: null, scope: null, correlationId: null, tags: [], latencyMs: null, hash });
    expect(view).not.toHaveProperty('policy');
  });

  it('shows when the decision was taken, not when it was stored', () => {
    expect(decisionViewOf(minimal, hash).timestamp).toBe(minimal.ts);
  });

  it('carries what a policy did', () => {
    const policy = { version: 2, matched: ['p1'], effect: 'deny' as const };
    expect(decisionViewOf({ ...minimal, policy }, hash).policy).toEqual(policy);
  });
});
