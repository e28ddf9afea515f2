import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { identify } from './credential.ts';
import { newApiKey, newOrgSecret, orgOfSecret, secretHash } from './secret.ts';

/** What secret scanners are told to look for. */
const PATTERN = /^gai_[0-9A-Za-z]{49}$/;
const ALPHABET = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];

describe('an API key', () => {
  it('has the form that secret scanners look for, is never the same, and is stored as its SHA-256', () => {
    const keys = Array.from({ length: 100 }, newApiKey);
    for (const { secret, hash, prefix } of keys) {
      expect(secret).toMatch(PATTERN);
      expect(hash).toBe(secretHash(secret));
      expect(secret.startsWith(prefix)).toBe(true);
      expect(prefix).toHaveLength(12);
    }
    expect(new Set(keys.map(({ secret }) => secret)).size).toBe(100);
  });

  it('is refused with one character wrong, without asking auth', () => {
    const { secret } = newApiKey();
    fc.assert(
      fc.property(fc.integer({ min: 4, max: secret.length - 1 }), fc.constantFrom(...ALPHABET), (at, digit) => {
        fc.pre(secret[at] !== digit);
        const typo = secret.slice(0, at) + digit + secret.slice(at + 1);
        expect(() => identify({ apiKey: typo })).toThrow(
          expect.objectContaining({ code: 'AUTH_FAILED', message: expect.stringContaining('typo') }),
        );
      }),
    );
    expect(identify({ apiKey: secret }).query).toEqual({ keyHash: secretHash(secret) });
  });

  it('of another form is left to auth: the demo keys, and those of other tools', () => {
    for (const apiKey of [`gai_demo_acme_admin_${'0'.repeat(25)}`, 'gai_short', `gai_${'x'.repeat(60)}`]) {
      expect(identify({ apiKey }).query).toEqual({ keyHash: secretHash(apiKey) });
    }
  });
});

describe('a secret that names its org', () => {
  it('is looked up there, if it is of the right kind and has no typo', () => {
    const { secret } = newOrgSecret('gat_', 'acme-2');
    expect(orgOfSecret('gat_', secret)).toBe('acme-2');
    expect(orgOfSecret('gar_', secret)).toBeNull();
    expect(orgOfSecret('gat_', secret.replace('acme-2', 'globex'))).toBeNull();
    expect(orgOfSecret('gat_', `${secret}0`)).toBeNull();
  });

  it('is never taken for one by accident', () => {
    fc.assert(
      fc.property(
        fc.string(),
        (text) => orgOfSecret('gat_', text) === null && orgOfSecret('gat_', `gat_acme.${text}`) === null,
      ),
    );
  });
});

describe('a ticket', () => {
  it('is asked about by its hash, its org and the connection it is for; nobody else may use the answer', () => {
    const { secret, hash } = newOrgSecret('gat_', 'acme');
    const first = identify({ ticket: secret, redeemer: 'one' });
    expect(first.query).toEqual({ ticketHash: hash, orgId: 'acme', redeemer: 'one' });
    expect(identify({ ticket: secret, redeemer: 'two' }).id).not.toBe(first.id);
  });
});
