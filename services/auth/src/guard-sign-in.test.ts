import { RateLimiter } from '@governsai/access';
import { AppError } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SignInGuard } from './guard-sign-in.ts';
import { SignInRefused } from './sessions/sign-in.ts';

const perMinute = (count: number) => ({ perSecond: count / 60, burst: count });
const names = new Set<string>();
let recorded: unknown[];
let guard: SignInGuard;

beforeEach(() => {
  names.clear();
  recorded = [];
  const tokens = new Map<string, number>();
  // Tokens that do not come back within a test.
  const source = {
    lease: async (asks: readonly { id: string; limit: { burst: number }; want: number }[]) =>
      asks.map(({ id, limit, want }) => {
        names.add(id);
        const there = tokens.get(id) ?? limit.burst;
        const granted = Math.min(want, there);
        tokens.set(id, there - granted);
        return { granted, left: there - granted };
      }),
  };
  guard = new SignInGuard({
    limiter: new RateLimiter({ source, log: createLogger('test', 'silent') }),
    log: { record: (authentication) => void recorded.push(authentication) },
    admitAddress: (address) => {
      if (address === '192.0.2.66') throw new AppError('RATE_LIMITED', 'too many');
    },
    perAddress: perMinute(6),
    perAccount: perMinute(3),
  });
});

/** How many tries of a series are let through to the work. */
async function letThrough(tries: readonly (readonly [ip: string, account: string | null])[]): Promise<number> {
  let through = 0;
  for (const [ip, account] of tries) {
    const code = await guard
      .run('login', ip, account, async () => {
        through++;
      })
      .catch((error: AppError) => error.code);
    expect([undefined, 'RATE_LIMITED']).toContain(code);
  }
  return through;
}

describe('tries to sign in', () => {
  it('from one address are limited, whatever accounts they are for', async () => {
    const tries = Array.from({ length: 20 }, (_, i) => ['192.0.2.1', `somebody-${i}@example.com`] as const);
    expect(await letThrough(tries)).toBe(6);
  });

  it('from one customer of IPv6 are limited together: a /64 is theirs, with 2^64 addresses', async () => {
    const tries = Array.from(
      { length: 20 },
      (_, i) => [`2001:db8:0:7::${i.toString(16)}`, `a${i}@example.com`] as const,
    );
    expect(await letThrough(tries)).toBe(6);
    expect(await letThrough([['2001:db8:0:8::1', 'b@example.com']])).toBe(1);
  });

  it('to one account are limited, from wherever they come; its e-mail is in no name', async () => {
    const tries = Array.from({ length: 20 }, (_, i) => [`192.0.2.${i}`, 'ann@example.com'] as const);
    expect(await letThrough(tries)).toBe(3);
    expect([...names].filter((name) => name.includes('ann'))).toEqual([]);
  });

  it('with a refresh token are as limited as any request of the address: many people share one', async () => {
    for (let i = 0; i < 100; i++) await guard.present('refresh', '192.0.2.1', async () => {});
    await expect(guard.present('refresh', '192.0.2.66', async () => {})).rejects.toThrow('too many');
    expect([...names]).toEqual([]);
  });

  it('say how long to wait when they are too many', async () => {
    await letThrough(Array.from({ length: 3 }, (_, i) => [`192.0.2.${i}`, 'ann@example.com'] as const));
    await expect(guard.run('login', '192.0.2.9', 'ann@example.com', async () => {})).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 20_000,
    });
  });

  it('that are refused are audited: whose they were when that is known, never to who asks', async () => {
    const of = { orgId: 'acme', userId: 'ann' };
    const refuse = (error: AppError) =>
      guard.run('login', '192.0.2.1', null, async () => {
        throw error;
      });
    await expect(refuse(new SignInRefused('AUTH_FAILED', 'no', of))).rejects.toThrow('no');
    await expect(refuse(new SignInRefused('AUTH_FAILED', 'no'))).rejects.toThrow('no');
    await expect(refuse(new AppError('UNAVAILABLE', 'later'))).rejects.toThrow('later');
    expect(recorded).toEqual([
      { of: { ...of, keyId: null }, by: 'login', ip: '192.0.2.1', refused: 'AUTH_FAILED' },
      { of: null, by: 'login', ip: '192.0.2.1', refused: 'AUTH_FAILED' },
    ]);
  });
});
