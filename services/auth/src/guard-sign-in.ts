import { createHash } from 'node:crypto';
import { type AuthenticationLog, type Limit, networkOf, type RateLimiter } from '@governsai/access';
import { AppError } from '@governsai/contracts';
import { SignInRefused } from './sessions/sign-in.ts';

export interface SignInGuardOptions {
  limiter: Pick<RateLimiter, 'takeExact'>;
  log: Pick<AuthenticationLog, 'record'>;
  /** Throws RATE_LIMITED when there are too many requests of whatever kind from an address. */
  admitAddress: (address: string | null) => void;
  /** Tries from one address. */
  perAddress: Limit;
  /** Tries for one account, from wherever. */
  perAccount: Limit;
}

/** Keeps guessing slow and seen: limits the tries of an address and for an account, and audits those that are refused. */
export class SignInGuard {
  readonly #options: SignInGuardOptions;

  constructor(options: SignInGuardOptions) {
    this.#options = options;
  }

  /**
   * Runs a try with a secret that nobody guesses, so that it is limited as any request is: an office behind one address refreshes
   * hundreds of sessions. Throws RATE_LIMITED, or what `work` throws.
   */
  async present<T>(by: string, ip: string | null, work: () => Promise<T>): Promise<T> {
    this.#options.admitAddress(ip);
    return this.#audited(by, ip, work);
  }

  /**
   * Runs a try that could be a guess, or costs the hash of a password.
   *
   * @param account what is being signed in to (an e-mail); null when that is not known before.
   * @throws AppError RATE_LIMITED, or what `work` throws.
   */
  async run<T>(by: string, ip: string | null, account: string | null, work: () => Promise<T>): Promise<T> {
    const { limiter, perAddress, perAccount } = this.#options;
    if (ip !== null) refuseUnless(await limiter.takeExact(`sign-in:ip:${networkOf(ip)}`, perAddress));
    // No limit's name holds an e-mail: names are stored.
    if (account !== null) refuseUnless(await limiter.takeExact(`sign-in:account:${sha256(account)}`, perAccount));
    return this.#audited(by, ip, work);
  }

  async #audited<T>(by: string, ip: string | null, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof AppError && (error.code === 'AUTH_FAILED' || error.code === 'AUTH_EXPIRED')) {
        this.#options.log.record({ of: error instanceof SignInRefused ? error.of : null, by, ip, refused: error.code });
      }
      throw error;
    }
  }
}

function refuseUnless({ allowed, retryAfterMs }: { allowed: boolean; retryAfterMs: number }): void {
  if (allowed) return;
  throw new AppError('RATE_LIMITED', 'too many tries: wait before the next one', { retryAfterMs });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
