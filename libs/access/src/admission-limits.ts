import { isIPv6 } from 'node:net';
import { AppError, type Principal } from '@governsai/contracts';
import type { Limit, RateLimiter, RateVerdict } from './rate-limiter.ts';

/** Limits of the installation; keys and orgs may have their own. */
export interface AdmissionLimits {
  /** Requests and socket messages of one credential. */
  key: Limit;
  /** Those of all credentials of an org together. */
  org: Limit;
  /** Authentications from one address, whoever they are for: counted before the credential is looked at. */
  address: Limit;
}

/** What the tightest limit of a principal says, by its name. */
export interface Spent {
  name: 'key' | 'org';
  verdict: RateVerdict;
}

/** A credential, or its org, asks too often. */
export class LimitReached extends AppError {
  readonly spent: Spent;

  constructor(what: string, spent: Spent) {
    const { retryAfterMs } = spent.verdict;
    super('RATE_LIMITED', `${what}: wait ${retryAfterMs} ms, then go on more slowly`, { retryAfterMs });
    this.spent = spent;
  }
}

/** Spends tokens of the limits that a request falls under. */
export class SharedLimits {
  readonly #limiter: Pick<RateLimiter, 'take'>;
  readonly #limits: AdmissionLimits;

  constructor(limiter: Pick<RateLimiter, 'take'>, limits: AdmissionLimits) {
    this.#limiter = limiter;
    this.#limits = limits;
  }

  /** Throws RATE_LIMITED when there are too many authentications from the address. */
  spendAddress(address: string | null): void {
    if (address === null) return;
    const verdict = this.#limiter.take(`ip:${networkOf(address)}`, this.#limits.address);
    if (verdict.allowed) return;
    const { retryAfterMs } = verdict;
    const message = `too many requests come from this address: wait ${retryAfterMs} ms, then go on more slowly`;
    throw new AppError('RATE_LIMITED', message, { retryAfterMs });
  }

  /** Spends what a request of a principal costs; returns its tightest limit. Throws LimitReached when that is used up. */
  spend(principal: Principal, cost: number): Spent {
    const { orgId, terms } = principal;
    const key = this.#limiter.take(bucketOf(principal), terms?.rate ?? this.#limits.key, cost);
    if (!key.allowed) throw new LimitReached('this credential asks too often', { name: 'key', verdict: key });
    const org = this.#limiter.take(`org:${orgId}`, terms?.orgRate ?? this.#limits.org, cost);
    if (!org.allowed) {
      throw new LimitReached('the org asks too often, with all its credentials together', {
        name: 'org',
        verdict: org,
      });
    }
    return key.remaining <= org.remaining ? { name: 'key', verdict: key } : { name: 'org', verdict: org };
  }
}

/** What a principal is counted by: its key; without one, its person. */
export function bucketOf({ orgId, keyId, userId }: Principal): string {
  return keyId === null ? `user:${orgId}:${userId}` : `key:${orgId}:${keyId}`;
}

/** What an address is counted by: itself, or its /64 in IPv6, where each customer has 2^64 of them. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0');
  return `${[...first, ...zeros, ...last].slice(0, 4).join(':')}::/64`;
}
