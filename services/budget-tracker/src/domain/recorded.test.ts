import { type ChainRecord, canonicalJson, GENESIS_HASH } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { sampleEvent } from '../testing.ts';
import { fromEvent, fromRow } from './recorded.ts';

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
    ts: '2020-01-01T00:00:00.000Z',
    receivedAt: event.receivedAt,
    recordedAt: event.recordedAt,
    prevHash: GENESIS_HASH,
  };

  it('is the same from its event and from its row', () =>
    expect(fromRow(canonicalJson(record), { keyUserId: 'user-1' })).toEqual(fromEvent(event)));

  it('has no user once the person is erased', () => expect(fromRow(canonicalJson(record), null).userId).toBeNull());

  it('goes by when it was received, not by the time the client wrote', () =>
    expect(fromRow(canonicalJson(record), null).receivedAt).toBe(Date.parse(event.receivedAt)));

  it('is refused when its row is not a chain record', () => expect(() => fromRow('{"v":1}', null)).toThrow());
});
