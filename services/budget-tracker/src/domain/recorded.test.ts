import { type ChainRecord, canonicalJson, GENESIS_HASH } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { sampleEvent } from '../testing.ts';
import { countedAt, fromEvent, fromRow, MAX_LATENESS_MS } from './recorded.ts';

describe('a recorded decision', () => {
  const event = sampleEvent('acme', 7, '1.5');
  const record: ChainRecord = {
    v: 1,
    orgId: 'acme',
    seq: 7,
    id: event.decision.id,
    idempotencyKey: 'k',
    bodyHash: 'b'.repeat(64),
    direction: 'postcheck',
    decision: 'allow',
    tool: 'web.fetch',
    tags: ['production'],
    usage: { cost: '1.5', currency: 'USD', model: 'm-1', inputTokens: 10, outputTokens: 5 },
    keyId: 'key-1',
    latencyMs: event.decision.latencyMs ?? 0,
    ts: event.decision.timestamp,
    receivedAt: event.receivedAt,
    recordedAt: event.recordedAt,
    prevHash: GENESIS_HASH,
  };

  it('is the same from its event and from its row', () =>
    expect(fromRow(canonicalJson(record), event.decision.hash, { keyUserId: 'user-1' })).toEqual(fromEvent(event)));

  it('has no user once the person is erased', () =>
    expect(fromRow(canonicalJson(record), event.decision.hash, null).userId).toBeNull());

  it('is refused when its row is not a chain record', () => expect(() => fromRow('{"v":1}', '', null)).toThrow());
});

describe('the time a decision counts at', () => {
  const received = '2026-03-04T05:06:07.000Z';
  const at = (ms: number) =>
    countedAt(new Date(Date.parse(received) + ms).toISOString(), received) - Date.parse(received);

  it('is its own', () => expect(at(-3_600_000)).toBe(-3_600_000));
  it('is its own up to 35 days late', () => expect(at(-MAX_LATENESS_MS)).toBe(-MAX_LATENESS_MS));
  it('is its receipt when it is later', () => expect(at(-MAX_LATENESS_MS - 1)).toBe(0));
  it('is its receipt when its own lies in the future', () => expect(at(1)).toBe(0));
});
