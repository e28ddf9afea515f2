import { describe, expect, it } from '@jest/globals';
import type { KafkaMessage } from 'kafkajs';
import { parseMessage } from './parse-message.ts';
import { auditRecord } from './test-records.ts';

function message(value: Buffer | null): KafkaMessage {
  return {
    key: Buffer.from('acme'),
    value,
    timestamp: '1700000000000',
    attributes: 0,
    offset: '7',
    headers: { schema: Buffer.from('audit.recorded.v1'), twice: [Buffer.from('a'), Buffer.from('b')] },
  };
}

describe('parseMessage', () => {
  it('answers the parsed value, the bytes and the headers as text', () => {
    const raw = Buffer.from(JSON.stringify(auditRecord('a')));
    expect(parseMessage('audit.recorded', message(raw))).toEqual({
      offset: '7',
      key: 'acme',
      value: auditRecord('a'),
      headers: { schema: 'audit.recorded.v1', twice: 'b' },
      timestamp: '1700000000000',
      raw,
    });
  });

  it('G10: names the field at fault', () => {
    const raw = Buffer.from(JSON.stringify({ ...auditRecord('a'), actor: { userId: 1, keyId: null, service: null } }));
    expect(() => parseMessage('audit.recorded', message(raw))).toThrow(/^actor\.userId: .*audit\.recorded\.v1/);
  });

  it('G12: does not repeat the content of what is not JSON', () => {
    const raw = Buffer.from('secret text');
    expect(() => parseMessage('audit.recorded', message(raw))).toThrow(/^the value is not JSON$/);
    expect(() => parseMessage('audit.recorded', message(null))).toThrow('the message has no value');
  });
});
