import { createLogger } from '@governsai/service';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LocalTokens } from './local-tokens.ts';
import { type LeaseAsk, RateLimiter, type TokenSource } from './rate-limiter.ts';

const log = createLogger('test', 'silent');
let time: number;
beforeEach(() => {
  time = 0;
});
const now = () => time;
const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** One shared source, as PostgreSQL is one. */
class Source implements TokenSource {
  readonly #tokens = new LocalTokens(now);
  away = false;
  asked = 0;

  async lease(asks: readonly LeaseAsk[]) {
    this.asked++;
    if (this.away) throw new Error('away');
    return this.#tokens.lease(asks);
  }
}

describe('a limit', () => {
  it('allows the burst, then as many a second as it says, and tells how long to wait', async () => {
    const limiter = new RateLimiter({ source: new Source(), log, now });
    const limit = { perSecond: 100, burst: 200 };
    let allowed = 0;
    for (; time < 10_000; time += 1) {
      const verdict = limiter.take('a', limit);
      if (verdict.allowed) allowed++;
      else expect(verdict.retryAfterMs).toBeGreaterThan(0);
      await settle();
    }
    expect(allowed).toBeGreaterThanOrEqual(200 + 1000 - 20);
    expect(allowed).toBeLessThanOrEqual(200 + 1000 + 10);
  });

  it('asks the shared source for many requests at a time', async () => {
    const source = new Source();
    const limiter = new RateLimiter({ source, log, now });
    for (let i = 0; i < 1000; i++) {
      expect(limiter.take('a', { perSecond: 10_000, burst: 20_000 }).allowed).toBe(true);
      await settle();
    }
    expect(source.asked).toBeLessThan(10);
  });

  it('counts each bucket by itself', async () => {
    const limiter = new RateLimiter({ source: new Source(), log, now });
    const limit = { perSecond: 1, burst: 1 };
    expect([limiter.take('a', limit), limiter.take('b', limit)].map(({ allowed }) => allowed)).toEqual([true, true]);
  });

  it('lets a request that costs more than there is pass, which the next ones pay for', async () => {
    const limiter = new RateLimiter({ source: new Source(), log, now });
    const limit = { perSecond: 10, burst: 20 };
    expect(limiter.take('a', limit, 100).allowed).toBe(true);
    await settle();
    for (; time < 7900; time += 100) {
      expect(limiter.take('a', limit).allowed).toBe(false);
      await settle();
    }
    for (; time < 9000; time += 100) await Promise.all([limiter.take('a', limit), settle()]);
    expect(limiter.take('a', limit).allowed).toBe(true);
  });

  it('means the same with any number of replicas, within a chunk for each', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 10, max: 400 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat({ max: 4 }), { minLength: 20, maxLength: 60 }),
        async (replicas, perSecond, factor, picks) => {
          time = 0;
          const limit = { perSecond, burst: perSecond * factor };
          const source = new Source();
          const limiters = Array.from({ length: replicas }, () => new RateLimiter({ source, log, now }));
          let allowed = 0;
          for (const pick of picks) {
            time += 20;
            for (let i = 0; i < perSecond / 20; i++) if (limiters[pick % replicas]?.take('a', limit).allowed) allowed++;
            await settle();
          }
          const chunk = Math.max(1, Math.min(limit.burst / 2, Math.max(10, perSecond / 10)));
          expect(allowed).toBeLessThanOrEqual(limit.burst + (perSecond * time) / 1000 + replicas * chunk + 1);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is exact where it is asked for so', async () => {
    const source = new Source();
    const limiters = [new RateLimiter({ source, log, now }), new RateLimiter({ source, log, now })];
    const limit = { perSecond: 10 / 60, burst: 10 };
    let allowed = 0;
    for (let i = 0; i < 100; i++) if ((await limiters[i % 2]?.takeExact('login', limit))?.allowed) allowed++;
    expect(allowed).toBe(10);
  });

  it('G8: holds in each replica alone while the source is away, and is shared again after', async () => {
    const source = new Source();
    const limiter = new RateLimiter({ source, log, now });
    const limit = { perSecond: 100, burst: 100 };
    source.away = true;
    let allowed = 0;
    for (; time < 5000; time += 1) {
      if (limiter.take('a', limit).allowed) allowed++;
      await settle();
    }
    expect(allowed).toBeGreaterThan(500);
    expect(allowed).toBeLessThanOrEqual(100 + 500 + 20);
    source.away = false;
    time += 3000;
    const before = source.asked;
    for (let i = 0; i < 20; i++) {
      limiter.take('a', limit);
      await settle();
    }
    expect(source.asked).toBeGreaterThan(before);
  });
});
