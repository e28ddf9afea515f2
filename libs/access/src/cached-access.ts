import { type AccessChanged, AppError, type AuditRecorded, type Principal, type Verified } from '@governsai/contracts';
import { LRUCache } from 'lru-cache';
import type { Access, AccessOptions } from './access.ts';
import type { AccessChange } from './change.ts';
import { ChangeLog } from './change-log.ts';
import { type Credential, type CredentialQuery, identify } from './credential.ts';
import { CredentialCache } from './credential-cache.ts';
import { countVerification, staleGauge } from './metrics.ts';
import { RefusedError, refusalOf, requireNetwork } from './refusal.ts';
import type { KeyUse } from './usage-counter.ts';

/** The time, in milliseconds. */
interface Clock {
  /** Since the epoch. */
  wall(): number;
  /** Steady, from any start. */
  steady(): number;
}

/** How auth is asked. */
export interface AuthPort {
  verify(query: CredentialQuery): Promise<Verified>;
  version(): Promise<number>;
  report(usage: readonly KeyUse[], authentications: readonly AuditRecorded[]): Promise<void>;
  close(): Promise<void>;
}

const TICK_MS = 100;
/** Heartbeats come every 250 ms. */
const SILENCE_BEFORE_POLL_MS = 500;
/** How long a change that auth's version tells of may take to arrive by itself. Silence, this and a tick are under 1 s (G7). */
const GAP_GRACE_MS = 300;
const REGRESSION_MS = 5000;
const NEGATIVE_TTL_MS = 1000;
const DEFAULT_CACHE_SIZE = 20_000;
const MAX_NEGATIVES = 10_000;
const MAX_LOOKUPS = 2000;
const MAX_ATTEMPTS = 3;

export type CachedAccessOptions = Pick<AccessOptions, 'stalenessMs' | 'cacheSize' | 'log'> & {
  auth: AuthPort;
  clock: Clock;
};

/** The rules of Access; its time and its way to auth are given. */
export class CachedAccess implements Access {
  readonly #options: CachedAccessOptions;
  readonly #cache: CredentialCache;
  readonly #refusals: LRUCache<string, { error: AppError; until: number }>;
  readonly #lookups = new Map<string, Promise<Principal>>();
  readonly #changes = new ChangeLog();
  readonly #changeListeners: ((change: AccessChange) => void)[] = [];
  readonly #staleListeners: (() => void)[] = [];
  /** When auth was last known to be alive, on the steady clock. */
  #lastSign: number;
  #gapSince: number | null = null;
  #regressedSince: number | null = null;
  /** The least delay a heartbeat had, clock difference included: what exceeds it is lag. */
  #leastDelay = Number.POSITIVE_INFINITY;
  #wasStale = false;
  #polling = false;
  #timer: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: CachedAccessOptions) {
    this.#options = options;
    this.#cache = new CredentialCache(options.cacheSize ?? DEFAULT_CACHE_SIZE);
    this.#refusals = new LRUCache({ max: MAX_NEGATIVES });
    this.#lastSign = options.clock.steady();
  }

  async verify(credential: Credential | null, org: string | null = null, ip: string | null = null): Promise<Principal> {
    const { id, query } = identify(credential);
    const principal = this.#remembered(id) ?? (await this.#lookUpOnce(id, query));
    if (org !== null && org !== principal.orgId) {
      const message = `the credential does not belong to the org ${JSON.stringify(org)}: name its own, or none`;
      throw new RefusedError('AUTH_FAILED', message, principal);
    }
    requireNetwork(principal, ip);
    return principal;
  }

  report(usage: readonly KeyUse[], authentications: readonly AuditRecorded[]): Promise<void> {
    return this.#options.auth.report(usage, authentications);
  }

  apply({ version, orgId, keyId, userId, sessionId, at }: AccessChanged): void {
    if (orgId === null) {
      const delay = this.#options.clock.wall() - Date.parse(at);
      this.#leastDelay = Math.min(this.#leastDelay, delay);
      // A heartbeat that lay in a queue is a sign of then, not of now.
      this.#sign(version, this.#options.clock.steady() - (delay - this.#leastDelay));
      return;
    }
    this.#changes.heard(orgId, version);
    this.#refusals.clear();
    const change = {
      orgId,
      keyId,
      ...(userId !== undefined && { userId }),
      ...(sessionId !== undefined && { sessionId }),
    };
    this.#cache.dropChanged(change, version);
    this.#tell(change);
    this.#watchGap();
  }

  reset(): void {
    this.#changes.settle();
    this.#gapSince = null;
    this.#cache.clear();
    this.#refusals.clear();
    this.#tell({ orgId: null, keyId: null });
  }

  onChange(listener: (change: AccessChange) => void): void {
    this.#changeListeners.push(listener);
  }

  onStale(listener: () => void): void {
    this.#staleListeners.push(listener);
  }

  get isStale(): boolean {
    return this.#options.clock.steady() - this.#lastSign > this.#options.stalenessMs;
  }

  start(): void {
    this.#lastSign = this.#options.clock.steady();
    this.#timer ??= setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopping ??= this.#options.auth.close();
    await this.#stopping;
  }

  /** Looks at the time: polls auth when it is silent, makes up for missed changes, tells of staleness. */
  tick(): void {
    const now = this.#options.clock.steady();
    if (now - this.#lastSign > SILENCE_BEFORE_POLL_MS && !this.#polling) void this.#poll();
    if (this.#gapSince !== null && now - this.#gapSince >= GAP_GRACE_MS) this.#settleGap();
    const { isStale } = this;
    if (isStale && !this.#wasStale) {
      this.#options.log.error('no sign of auth: cached credentials are refused until it is back');
      for (const listener of this.#staleListeners) listener();
    } else if (!isStale && this.#wasStale) {
      this.#options.log.info('auth is back: cached credentials are used again');
    }
    this.#wasStale = isStale;
    staleGauge.set(isStale ? 1 : 0);
  }

  #remembered(id: string): Principal | undefined {
    const refusal = this.#refusals.get(id);
    if (refusal && refusal.until > this.#options.clock.steady()) {
      countVerification('refused');
      throw refusal.error;
    }
    const principal = this.isStale ? undefined : this.#cache.get(id);
    if (!principal) return undefined;
    if (this.#isExpired(principal)) {
      this.#cache.delete(id);
      countVerification('refused');
      throw refusalOf('AUTH_EXPIRED', principal);
    }
    countVerification('remembered');
    return principal;
  }

  /** One look-up a credential at a time, shared by all who ask. */
  #lookUpOnce(id: string, query: CredentialQuery): Promise<Principal> {
    const running = this.#lookups.get(id);
    if (running !== undefined) return running;
    if (this.#lookups.size >= MAX_LOOKUPS) {
      countVerification('unavailable');
      throw new AppError('UNAVAILABLE', 'too many credentials are being checked: retry shortly', {
        retryAfterMs: 1000,
      });
    }
    const lookup = this.#lookUp(id, query).finally(() => this.#lookups.delete(id));
    this.#lookups.set(id, lookup);
    return lookup;
  }

  async #lookUp(id: string, query: CredentialQuery): Promise<Principal> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const { version, principal, reason, of } = await this.#ask(query);
      if (!principal || this.#isExpired(principal)) {
        const error = refusalOf(principal ? 'AUTH_EXPIRED' : (reason ?? 'AUTH_FAILED'), principal ?? of ?? null);
        this.#refusals.set(id, { error, until: this.#options.clock.steady() + NEGATIVE_TTL_MS });
        countVerification('refused');
        throw error;
      }
      // A change of this org was heard while the answer was on its way, which may not know of it: ask again.
      if (version < this.#changes.minimumFor(principal.orgId)) continue;
      this.#cache.set(id, principal, version);
      countVerification('verified');
      return principal;
    }
    countVerification('unavailable');
    throw new AppError('UNAVAILABLE', 'the org is being changed: retry shortly', { retryAfterMs: 500 });
  }

  async #ask(query: CredentialQuery): Promise<Verified> {
    const asked = this.#options.clock.steady();
    try {
      const answer = await this.#options.auth.verify(query);
      this.#sign(answer.version, asked);
      return answer;
    } catch (error) {
      countVerification('unavailable');
      throw new AppError('UNAVAILABLE', 'the credential cannot be checked now: retry shortly', {
        retryAfterMs: 1000,
        cause: error,
      });
    }
  }

  async #poll(): Promise<void> {
    this.#polling = true;
    const asked = this.#options.clock.steady();
    try {
      this.#sign(await this.#options.auth.version(), asked);
    } catch (error) {
      this.#options.log.debug({ err: error }, 'auth does not say its access version');
    } finally {
      this.#polling = false;
    }
  }

  /** Auth was alive at the time `at` and had this version. */
  #sign(version: number, at: number): void {
    this.#lastSign = Math.max(this.#lastSign, at);
    this.#changes.named(version);
    this.#watchRegression(version);
    this.#watchGap();
  }

  #watchRegression(version: number): void {
    if (version >= this.#changes.latest) {
      this.#regressedSince = null;
      return;
    }
    const now = this.#options.clock.steady();
    this.#regressedSince ??= now;
    if (now - this.#regressedSince < REGRESSION_MS) return;
    this.#options.log.warn(
      { version, latest: this.#changes.latest },
      'access versions went back: all answers are forgotten',
    );
    this.#changes.restart(version);
    this.#regressedSince = null;
    this.reset();
  }

  #watchGap(): void {
    // The first version heard of: what is older may have changed before we listened.
    if (!this.#changes.hasBegun && this.#cache.dropOlderThan(this.#changes.settle()) > 0) {
      this.#tell({ orgId: null, keyId: null });
    }
    if (!this.#changes.hasGap) this.#gapSince = null;
    else this.#gapSince ??= this.#options.clock.steady();
  }

  /** A change did not arrive by itself: whatever is older than it is forgotten, whosever it was. */
  #settleGap(): void {
    this.#gapSince = null;
    this.#cache.dropOlderThan(this.#changes.settle());
    this.#refusals.clear();
    this.#tell({ orgId: null, keyId: null });
  }

  #tell(change: AccessChange): void {
    for (const listener of this.#changeListeners) listener(change);
  }

  #isExpired({ expiresAt }: Principal): boolean {
    return expiresAt !== null && Date.parse(expiresAt) <= this.#options.clock.wall();
  }
}
