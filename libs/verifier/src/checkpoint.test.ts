import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { checkpointMessage, isTrusted, signCheckpoint, verifyCheckpoint } from './checkpoint.ts';
import { KeyError, publicKeyOf, readPublicKey } from './keys.ts';
import { sampleKey } from './testing/sample-export.ts';

const key = sampleKey('one');
const head = { orgId: 'acme', seq: 7, head: 'ab'.repeat(32), at: '2026-01-01T00:00:00.000Z' };

describe('checkpoints', () => {
  it('signs six lines that another language can put together', () => {
    const { checkpoint } = signCheckpoint(head, key);
    const id = publicKeyOf(key).id;
    expect(checkpointMessage(checkpoint)).toBe(
      `governsai-checkpoint-v1\nacme\n7\n${'ab'.repeat(32)}\n2026-01-01T00:00:00.000Z\n${id}\n`,
    );
  });

  it('is whole as signed, and not with any member changed', () => {
    const signed = signCheckpoint(head, key);
    expect(verifyCheckpoint(signed)).toBe(true);
    const changes = {
      orgId: 'globex',
      seq: 8,
      head: 'cd'.repeat(32),
      at: '2026-01-01T00:00:00.001Z',
      keyId: '0'.repeat(16),
    };
    for (const change of Object.entries(changes)) {
      const checkpoint = { ...signed.checkpoint, ...Object.fromEntries([change]) };
      expect(verifyCheckpoint({ ...signed, checkpoint })).toBe(false);
    }
    expect(verifyCheckpoint({ ...signed, publicKey: publicKeyOf(sampleKey('two')).publicKey })).toBe(false);
    expect(verifyCheckpoint({ ...signed, signature: `${signed.signature} ` })).toBe(false);
    expect(verifyCheckpoint({ ...signed, publicKey: `${signed.publicKey} ` })).toBe(false);
    expect(verifyCheckpoint({ ...signed, publicKey: '' })).toBe(false);
  });

  it('counts only when a trusted key made it', () => {
    const signed = signCheckpoint(head, key);
    expect(isTrusted(signed, [publicKeyOf(key)])).toBe(true);
    expect(isTrusted(signed, [publicKeyOf(sampleKey('two'))])).toBe(false);
  });
});

describe('public keys', () => {
  it('are read from PEM and from the base64 of their bytes, to the same id', () => {
    const trusted = publicKeyOf(key);
    const pem = createPublicKey(key).export({ format: 'pem', type: 'spki' }) as string;
    expect(readPublicKey(pem).id).toBe(trusted.id);
    expect(readPublicKey(`${trusted.publicKey}\n`)).toMatchObject({ id: trusted.id, publicKey: trusted.publicKey });
    expect(trusted.id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('are refused with what to give instead', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'pem', type: 'spki' });
    const secret = key.export({ format: 'pem', type: 'pkcs8' });
    for (const text of [rsa, secret, 'AAAA', '', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----']) {
      expect(() => readPublicKey(text as string)).toThrow(KeyError);
    }
    expect(() => readPublicKey('AAAA')).toThrow(/Ed25519 public key as PEM/);
  });
});
