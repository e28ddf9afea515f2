import { AppError, type Verified } from '@governsai/contracts';
import { isTransient } from '@governsai/db';
import type { CredentialStore } from './credential-store.ts';
import { readSessionToken, type SessionTokenOptions } from './session-token.ts';
import { judgeKey, judgeSession } from './verdict.ts';

/** Says who a credential speaks for, from what is stored now. */
export class Verifier {
  readonly #store: CredentialStore;
  readonly #tokens: SessionTokenOptions;
  readonly #now: () => Date;

  constructor(store: CredentialStore, tokens: SessionTokenOptions, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#tokens = tokens;
    this.#now = now;
  }

  /** @throws AppError UNAVAILABLE while PostgreSQL does not answer. */
  async key(keyHash: string): Promise<Verified> {
    const { version, stored } = await reachable(() => this.#store.key(keyHash));
    return { version, ...judgeKey(stored, this.#now()) };
  }

  /** @throws AppError UNAVAILABLE while PostgreSQL does not answer. */
  async token(token: string): Promise<Verified> {
    const session = readSessionToken(token, this.#tokens, this.#now());
    if ('reason' in session) return { version: await this.version(), ...session };
    const { version, stored } = await reachable(() => this.#store.membership(session.orgId, session.userId));
    return { version, ...judgeSession(session, stored) };
  }

  /** The access version. @throws AppError UNAVAILABLE while PostgreSQL does not answer. */
  async version(): Promise<number> {
    return reachable(() => this.#store.version());
  }
}

async function reachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isTransient(error)) throw error;
    throw new AppError('UNAVAILABLE', 'credentials cannot be checked now: retry shortly', {
      retryAfterMs: 1000,
      cause: error,
    });
  }
}
