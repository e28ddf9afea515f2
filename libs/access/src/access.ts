import {
  type AccessChanged,
  type AuditRecorded,
  getAccessVersion,
  type Principal,
  reportAccess,
  verifyCredential,
} from '@governsai/contracts';
import { type AccessEnv, type BaseEnv, createInternalClient, type Logger } from '@governsai/service';
import { type AuthPort, CachedAccess } from './cached-access.ts';
import type { AccessChange } from './change.ts';
import type { Credential } from './credential.ts';
import type { KeyUse } from './usage-counter.ts';

export interface AccessOptions {
  /** Where auth is: `http://host:port`. */
  authUrl: string;
  internalToken: string;
  /** Without a sign of auth for this long, cached answers are refused. */
  stalenessMs: number;
  /** Verified credentials remembered at most. 20,000 unless given. */
  cacheSize?: number;
  log: Logger;
}

/** Where a service asks who a credential speaks for, and how long the answers outlive auth, for `createAccess`. */
export function accessOptions(
  env: AccessEnv & Pick<BaseEnv, 'INTERNAL_TOKEN'>,
): Pick<AccessOptions, 'authUrl' | 'internalToken' | 'stalenessMs'> {
  return { authUrl: env.AUTH_URL, internalToken: env.INTERNAL_TOKEN, stalenessMs: env.ACCESS_STALENESS };
}

/** Verifies credentials, remembers the answers, and forgets them within a second of their change (G7). */
export interface Access {
  /**
   * Says who a credential speaks for. A remembered answer is used as long as auth says that nothing has changed, so that
   * known credentials work on while auth or its database is away (G8).
   *
   * @param credential null: none was sent, which is refused.
   * @param org the org the client named beside its credential, if any: it must be the credential's own.
   * @param ip where the client is: without it, a key that is bound to networks is refused.
   * @throws AppError AUTH_FAILED, AUTH_EXPIRED, or UNAVAILABLE when it cannot be checked now. Of a refused credential whose
   *   owner is known the error is a {@link RefusedError}.
   */
  verify(credential: Credential | null, org?: string | null, ip?: string | null): Promise<Principal>;
  /** Tells auth what was seen of credentials. Throws UNAVAILABLE when it cannot be told now: tell it again. */
  report(usage: readonly KeyUse[], authentications: readonly AuditRecorded[]): Promise<void>;
  /** Takes a message of `access.changed`. */
  apply(event: AccessChanged): void;
  /** Messages of `access.changed` may have been missed: forgets every answer, tells the listeners. */
  reset(): void;
  /** Calls back when credentials in use must be verified again; the answers concerned are forgotten by then. */
  onChange(listener: (change: AccessChange) => void): void;
  /** Calls back when there has been no sign of auth for `stalenessMs`: open sockets are to be closed. */
  onStale(listener: () => void): void;
  /** True while there is no recent sign of auth. */
  readonly isStale: boolean;
  /** Begins to watch for signs of auth; `startAccessListener` does it. */
  start(): void;
  /** Ends the watch and the connections to auth. */
  stop(): Promise<void>;
}

const LOOKUP_TIMEOUT_MS = 2000;

/** Makes the Access of a service, which asks auth over HTTP. */
export function createAccess(options: AccessOptions): Access {
  const { authUrl: baseUrl, internalToken, ...rest } = options;
  const client = createInternalClient({ baseUrl, internalToken, timeoutMs: LOOKUP_TIMEOUT_MS });
  const auth: AuthPort = {
    verify: (query) => client.call(verifyCredential, query),
    version: async () => (await client.call(getAccessVersion)).version,
    report: async (usage, authentications) => {
      await client.call(reportAccess, { usage: [...usage], authentications: [...authentications] });
    },
    close: () => client.close(),
  };
  return new CachedAccess({ ...rest, auth, clock: { wall: () => Date.now(), steady: () => performance.now() } });
}
