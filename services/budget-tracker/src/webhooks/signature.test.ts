import { describe, expect, it } from '@jest/globals';
import { newSecret, signatureHeaders } from './signature.ts';

describe('signature', () => {
  it('is the one of the specification’s own example', () => {
    // From the test suite of the Standard Webhooks reference libraries.
    const headers = signatureHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}', [
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    ]);
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is given with each of several secrets', () => {
    const secrets = [newSecret(), newSecret()];
    const { 'webhook-signature': signature } = signatureHeaders('m', 1, '{}', secrets);
    const single = secrets.map((secret) => signatureHeaders('m', 1, '{}', [secret])['webhook-signature']);
    expect(signature).toBe(single.join(' '));
  });

  it('has secrets of 32 random bytes', () => {
    expect(newSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(newSecret()).not.toBe(newSecret());
  });
});
