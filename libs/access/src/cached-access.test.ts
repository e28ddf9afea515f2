import { AppError, type Principal, type Verified } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AuthPort, CachedAccess } from './cached-access.ts';
import type { AccessChange } from './change.ts';
import type { CredentialQuery } from './credential.ts';

const START = Date.parse('2026-01-01T00:00:00.000Z');
const log = createLogger('test', 'silent');

/** Auth as the gateway sees it: answers, or is away; answers can be held back. */
class ScriptedAuth implements AuthPort {
  version_ = 1;
  away = false;
  held = false;
  asked: CredentialQuery[] = [];
  polled = 0;
  answer: Omit<Verified, 'version'> = { principal: principalOf('acme'), reason: null };
  #waiting: (() => void)[] = [];

  async verify(query: CredentialQuery): Promise<Verified> {
    this.asked.push(query);
    if (this.away) throw new AppError('UNAVAILABLE', 'auth is away');
    // What auth reads when it is asked, however late its answer arrives.
    const read = { version: this.version_, ...this.answer };
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return read;
  }

  async version(): Promise<number> {
    this.polled++;
    if (this.away) throw new AppError('UNAVAILABLE', 'auth is away');
    return this.version_;
  }

  async report(): Promise<void> {}

  release(): void {
    this.held = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async close(): Promise<void> {}
}

function principalOf(orgId: string, more: Partial<Principal> = {}): Principal {
  return { kind: 'apiKey', orgId, userId: null, keyId: 'key-1', scopes: ['decisions:read'], expiresAt: null, ...more };
}

let time: number;
let auth: ScriptedAuth;
let access: CachedAccess;
let changes: AccessChange[];
let stale: number;

beforeEach(() => {
  time = 0;
  auth = new ScriptedAuth();
  access = new CachedAccess({
    stalenessMs: 10_000,
    cacheSize: 100,
    log,
    auth,
    clock: { wall: () => START + time, steady: () => time },
  });
  changes = [];
  stale = 0;
  access.onChange((change) => changes.push(change));
  access.onStale(() => stale++);
});

const key = { apiKey: 'gai_one' };
const at = () => new Date(START + time).toISOString();
const beat = (version = auth.version_) => access.apply({ version, orgId: null, keyId: null, at: at() });
const change = (version: number, orgId: string, keyId: string | null = null) =>
  access.apply({ version, orgId, keyId, at: at() });

/** Lets time pass as the watch sees it, tick by tick, with or without heartbeats. */
async function pass(ms: number, { heartbeats }: { heartbeats: boolean }): Promise<void> {
  for (const end = time + ms; time < end; ) {
    time += 50;
    if (heartbeats && time % 250 === 0) beat();
    if (time % 100 === 0) access.tick();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a verified credential', () => {
  it('is remembered as long as heartbeats say that nothing has changed', async () => {
    await access.verify(key);
    await pass(60_000, { heartbeats: true });
    expect(await access.verify(key)).toEqual(principalOf('acme'));
    expect(auth.asked).toHaveLength(1);
  });

  it('is never sent: auth is asked with its SHA-256', async () => {
    await access.verify(key);
    expect(JSON.stringify(auth.asked)).not.toContain('gai_one');
    expect(auth.asked[0]).toEqual({ keyHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('G8: works on while auth and its database are away but heartbeats come', async () => {
    await access.verify(key);
    auth.away = true;
    await pass(60_000, { heartbeats: true });
    expect(await access.verify(key)).toEqual(principalOf('acme'));
  });

  it('expires at its time, without a word from auth', async () => {
    auth.answer = { principal: principalOf('acme', { expiresAt: new Date(START + 5000).toISOString() }), reason: null };
    beat();
    await access.verify(key);
    time = 4999;
    beat();
    await access.verify(key);
    time = 5000;
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_EXPIRED' });
  });

  it('is looked up once for all who ask at the same time', async () => {
    auth.held = true;
    const all = Promise.all([access.verify(key), access.verify(key), access.verify(key)]);
    auth.release();
    expect(await all).toHaveLength(3);
    expect(auth.asked).toHaveLength(1);
  });

  it('must belong to the org that was named beside it', async () => {
    await expect(access.verify(key, 'globex')).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    await expect(access.verify(key, 'acme')).resolves.toEqual(principalOf('acme'));
  });
});

describe('a refused credential', () => {
  it('is remembered for a second at most', async () => {
    auth.answer = { principal: null, reason: 'AUTH_FAILED' };
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    expect(auth.asked).toHaveLength(1);
    auth.answer = { principal: principalOf('acme'), reason: null };
    time += 1000;
    await expect(access.verify(key)).resolves.toEqual(principalOf('acme'));
  });

  it('is told why', async () => {
    auth.answer = { principal: null, reason: 'AUTH_EXPIRED' };
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_EXPIRED' });
  });

  it('is refused without asking when it can be none', async () => {
    for (const none of [null, { apiKey: 'nonsense' }, { token: '' }, { apiKey: `gai_${'x'.repeat(600)}` }]) {
      await expect(access.verify(none)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    }
    expect(auth.asked).toHaveLength(0);
  });

  it('G8: is UNAVAILABLE, not AUTH_FAILED, while auth cannot look it up; and is asked for again at once', async () => {
    auth.away = true;
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) });
    auth.away = false;
    await expect(access.verify(key)).resolves.toEqual(principalOf('acme'));
  });
});

describe('a change that is heard', () => {
  const revoke = (version: number) => {
    auth.version_ = version;
    auth.answer = { principal: null, reason: 'AUTH_FAILED' };
  };

  it('G7: ends a remembered credential at once, before the listeners are told', async () => {
    await access.verify(key);
    revoke(2);
    let verified: Promise<Principal> | undefined;
    access.onChange(() => {
      verified = access.verify(key);
    });
    change(2, 'acme', 'key-1');
    await expect(verified).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    expect(changes).toEqual([{ orgId: 'acme', keyId: 'key-1' }]);
  });

  it('G7: while an answer is on its way makes that answer void', async () => {
    auth.held = true;
    const verified = access.verify(key);
    revoke(2);
    change(2, 'acme', 'key-1');
    auth.release();
    await expect(verified).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    expect(auth.asked).toHaveLength(2);
  });

  it('G7: is kept in mind when auth keeps answering from before it', async () => {
    change(2, 'acme');
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    auth.version_ = 2;
    await expect(access.verify(key)).resolves.toEqual(principalOf('acme'));
  });

  it('leaves other orgs, other keys and newer answers alone', async () => {
    auth.version_ = 5;
    await access.verify(key);
    change(6, 'globex');
    change(7, 'acme', 'key-2');
    change(5, 'acme');
    await access.verify(key);
    expect(auth.asked).toHaveLength(1);
  });

  it('lets a credential be tried again that was refused just before', async () => {
    auth.answer = { principal: null, reason: 'AUTH_FAILED' };
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    auth.answer = { principal: principalOf('acme'), reason: null };
    auth.version_ = 2;
    change(2, 'acme');
    await expect(access.verify(key)).resolves.toEqual(principalOf('acme'));
  });
});

describe('a change of less than a whole org', () => {
  const token = (name: string) => ({ token: name });
  const session = (userId: string, sessionId: string) => ({
    principal: principalOf('acme', { kind: 'session', keyId: null, userId, sessionId }),
    reason: null,
  });

  beforeEach(async () => {
    auth.answer = session('ann', 'ses_1');
    await access.verify(token('ann'));
    auth.answer = session('bob', 'ses_2');
    await access.verify(token('bob'));
    auth.version_ = 2;
    auth.answer = { principal: null, reason: 'AUTH_FAILED' };
  });

  it.each([
    ['a session', { sessionId: 'ses_1' }],
    ['a person', { userId: 'ann' }],
  ])('G7: ends what is of %s, and leaves the rest alone', async (_what, of) => {
    access.apply({ version: 2, orgId: 'acme', keyId: null, ...of, at: at() });
    await expect(access.verify(token('ann'))).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    await expect(access.verify(token('bob'))).resolves.toMatchObject({ userId: 'bob' });
    expect(changes).toEqual([{ orgId: 'acme', keyId: null, ...of }]);
  });
});

describe('a key that is bound to networks', () => {
  it('is refused from elsewhere, and where nobody knows from where', async () => {
    auth.answer = { principal: principalOf('acme', { terms: { cidrs: ['192.0.2.0/24'] } }), reason: null };
    await expect(access.verify(key, null, '192.0.2.7')).resolves.toMatchObject({ orgId: 'acme' });
    for (const ip of ['198.51.100.1', null]) {
      await expect(access.verify(key, null, ip)).rejects.toMatchObject({
        code: 'AUTH_FAILED',
        of: { orgId: 'acme', keyId: 'key-1' },
      });
    }
  });
});

describe('whatever the order in which answers and news arrive', () => {
  /** Auth whose answers are given out when the test says so, in any order. */
  class SlowAuth extends ScriptedAuth {
    readonly waiting: (() => void)[] = [];

    override async verify(query: CredentialQuery): Promise<Verified> {
      const read = { version: this.version_, ...this.answer };
      await new Promise<void>((resolve) => this.waiting.push(resolve));
      this.asked.push(query);
      return read;
    }
  }
  type Step = 'verify' | 'answer' | 'revoke' | 'grant' | 'news' | 'beat';

  it('G7: a credential whose revocation was heard is never let in by an answer from before it', async () => {
    const step = fc.constantFrom<Step>('verify', 'answer', 'revoke', 'grant', 'news', 'beat');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.nat()), { maxLength: 60 }), async (steps) => {
        const slow = new SlowAuth();
        const clock = { wall: () => START, steady: () => 0 };
        const mine = new CachedAccess({ stalenessMs: 10_000, log, auth: slow, clock });
        // What the gateway has heard of; the news of a change may arrive long after it.
        let heardVersion = 1;
        const validAt = new Map([[1, true]]);
        const news: number[] = [];
        const wrong: string[] = [];
        const running: Promise<unknown>[] = [];
        const check = (what: string) => {
          // In whatever state auth was when it answered, it is not older than what was heard by now.
          const states = [...validAt].filter(([version]) => version >= heardVersion);
          if (!states.some(([, valid]) => valid)) wrong.push(`${what} at ${heardVersion}`);
        };
        const change = (valid: boolean) => {
          slow.version_++;
          slow.answer = valid
            ? { principal: principalOf('acme'), reason: null }
            : { principal: null, reason: 'AUTH_FAILED' };
          validAt.set(slow.version_, valid);
          news.push(slow.version_);
        };
        for (const [kind, pick] of steps) {
          if (kind === 'verify')
            running.push(
              mine.verify(key).then(
                () => check('let in'),
                () => {},
              ),
            );
          else if (kind === 'answer') slow.waiting.splice(pick % Math.max(1, slow.waiting.length), 1)[0]?.();
          else if (kind === 'revoke') change(false);
          else if (kind === 'grant') change(true);
          else if (kind === 'beat') mine.apply({ version: slow.version_, orgId: null, keyId: null, at: at() });
          else {
            const [version] = news.splice(pick % Math.max(1, news.length), 1);
            if (version !== undefined) {
              mine.apply({ version, orgId: 'acme', keyId: 'key-1', at: at() });
              heardVersion = Math.max(heardVersion, version);
            }
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        while (slow.waiting.length > 0) {
          for (const give of slow.waiting.splice(0)) give();
          await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(running);
        await mine.stop();
        expect(wrong).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a change that is not heard', () => {
  beforeEach(async () => {
    await pass(500, { heartbeats: true });
    await access.verify(key);
    changes = [];
    auth.version_ = 2;
    auth.answer = { principal: null, reason: 'AUTH_FAILED' };
  });

  it('G7: ends remembered credentials within a second when heartbeats name a version without its change', async () => {
    await pass(1000, { heartbeats: true });
    expect(changes).toEqual([{ orgId: null, keyId: null }]);
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
  });

  it('G7: ends remembered credentials within a second when Kafka is away: auth is asked for its version', async () => {
    await pass(1000, { heartbeats: false });
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    expect(changes).toEqual([{ orgId: null, keyId: null }]);
  });

  it('forgets nothing when it was only late', async () => {
    beat();
    time += 200;
    change(2, 'globex');
    await pass(1000, { heartbeats: true });
    expect(changes).toEqual([{ orgId: 'globex', keyId: null }]);
    await access.verify(key);
    expect(auth.asked).toHaveLength(1);
  });

  it('forgets everything on a reset, and tells the listeners', async () => {
    access.reset();
    expect(changes).toEqual([{ orgId: null, keyId: null }]);
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
  });
});

describe('silence', () => {
  it('G7: without Kafka and auth for ACCESS_STALENESS, remembered credentials are refused and the listeners told once', async () => {
    await access.verify(key);
    auth.away = true;
    await pass(9900, { heartbeats: false });
    expect(stale).toBe(0);
    await access.verify(key);
    await pass(5000, { heartbeats: false });
    expect(stale).toBe(1);
    expect(access.isStale).toBe(true);
    await expect(access.verify(key)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('ends with the first sign: remembered credentials are used again', async () => {
    await access.verify(key);
    auth.away = true;
    await pass(15_000, { heartbeats: false });
    beat();
    expect(access.isStale).toBe(false);
    await expect(access.verify(key)).resolves.toEqual(principalOf('acme'));
  });

  it('is not ended by heartbeats that lay in a queue', async () => {
    beat();
    await access.verify(key);
    auth.away = true;
    const old = at();
    await pass(15_000, { heartbeats: false });
    access.apply({ version: 1, orgId: null, keyId: null, at: old });
    expect(access.isStale).toBe(true);
  });

  it('is not feared of a clock that differs', async () => {
    const skewed = () => access.apply({ version: 1, orgId: null, keyId: null, at: '2025-12-31T23:00:00.000Z' });
    skewed();
    expect(access.isStale).toBe(false);
  });

  it('asks auth for its version only when heartbeats stay away', async () => {
    await pass(5000, { heartbeats: true });
    expect(auth.polled).toBe(0);
    await pass(5000, { heartbeats: false });
    expect(auth.polled).toBeGreaterThan(0);
  });
});

describe('versions that went back', () => {
  it('are believed after a while, so that a restored database does not lock an org out', async () => {
    auth.version_ = 9;
    change(9, 'acme');
    await access.verify(key);
    auth.version_ = 3;
    await pass(6000, { heartbeats: true });
    await expect(access.verify(key)).resolves.toEqual(principalOf('acme'));
    expect(auth.asked).toHaveLength(2);
  });
});

describe('memory', () => {
  it('is bounded: the least recently used credential is forgotten first', async () => {
    for (let n = 0; n <= 100; n++) await access.verify({ apiKey: `gai_${n}` });
    await access.verify({ apiKey: 'gai_100' });
    expect(auth.asked).toHaveLength(101);
    await access.verify({ apiKey: 'gai_0' });
    expect(auth.asked).toHaveLength(102);
  });
});
