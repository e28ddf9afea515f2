import { describe, expect, it } from '@jest/globals';
import { Passwords } from './passwords.ts';

describe('passwords', () => {
  it('are hashed with argon2id, each with a salt of its own', async () => {
    const passwords = new Passwords(2);
    const [one, two] = await Promise.all([passwords.hash('secret'), passwords.hash('secret')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
    expect(await passwords.fits('secret', one)).toBe(true);
    expect(await passwords.fits('Secret', one)).toBe(false);
  });

  it('of nobody fit nothing, not even what the decoy was made of', async () => {
    const passwords = new Passwords(1);
    for (const guess of ['', 'no password fits this']) expect(await passwords.fits(guess, null)).toBe(false);
  });

  it('are worked on a few at a time; who finds a long queue is told to come back, the rest is answered', async () => {
    const passwords = new Passwords(1);
    const tries = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.fits('guess', null)));
    const refused = tries.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(40 - 1 - 16);
    for (const { reason } of refused)
      expect(reason).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) });
    expect(await passwords.fits('guess', null)).toBe(false);
  });
});
