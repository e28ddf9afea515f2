import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, type Principal, type ServiceName } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import type { Access } from './access.ts';
import { type AdmissionLimits, bucketOf, LimitReached, SharedLimits, type Spent } from './admission-limits.ts';
import { AuthenticationLog } from './authentication-log.ts';
import { type Credential, credentialFromHttp, credentialFromStream } from './credential.ts';
import { type Limit, RateLimiter, type TokenSource } from './rate-limiter.ts';
import { RefusedError } from './refusal.ts';
import { type KeyUse, UsageCounter } from './usage-counter.ts';

export interface AdmissionOptions {
  service: ServiceName;
  access: Pick<Access, 'verify' | 'report'>;
  limits: AdmissionLimits;
  /** The buckets that all replicas share. */
  tokens: TokenSource;
  /** Where a request comes from; null: that is not known. */
  addressOf: (req: IncomingMessage) => string | null;
  log: Logger;
}

const REPORT_MS = 10_000;
const REPORT_KEYS = 1000;
/** Credentials remembered of one connection, so that each is audited once. A proxy's connection carries many. */
const MAX_SEEN = 1000;

/** Lets requests in: limits, verifies, counts and audits them, the same way for HTTP and sockets. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #limits: SharedLimits;
  readonly #authentications: AuthenticationLog;
  readonly #usage = new UsageCounter();
  readonly #seen = new WeakMap<Socket, Set<string>>();
  readonly limiter: RateLimiter;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.limiter = new RateLimiter({ source: options.tokens, log: options.log });
    this.#limits = new SharedLimits(this.limiter, options.limits);
    this.#authentications = new AuthenticationLog({
      service: options.service,
      send: (records) => options.access.report([], records),
    });
  }

  /** Audits authentications that are not made here: sign-ins. */
  get authentications(): AuthenticationLog {
    return this.#authentications;
  }

  start(): void {
    this.#authentications.start();
    this.#timer ??= setInterval(() => void this.#report(), REPORT_MS);
    this.#timer.unref();
  }

  /** Reports what is left. Never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#authentications.stop();
    await this.#report();
  }

  /**
   * `authenticate` of an HTTP app: who a request speaks for, within its limits, which the answer's headers tell. With `ticket`
   * it may show a ticket in its URL.
   */
  readonly authenticate = async (req: IncomingMessage, res: ServerResponse, ticket = false): Promise<Principal> => {
    const address = this.#options.addressOf(req);
    this.#limits.spendAddress(address);
    const credential = ticket ? credentialFromStream(req) : credentialFromHttp(req);
    const principal = await this.verify('http', credential, null, address);
    if (this.#isFirst(req.socket, principal)) this.audit('http', principal, address);
    try {
      setRateHeaders(res, this.spend(principal));
    } catch (error) {
      if (error instanceof LimitReached) setRateHeaders(res, error.spent);
      throw error;
    }
    return principal;
  };

  /** Throws RATE_LIMITED when there are too many authentications from the address. */
  admitAddress(address: string | null): void {
    this.#limits.spendAddress(address);
  }

  /** Says who a credential speaks for; audits when it is refused. Throws what {@link Access.verify} throws. */
  async verify(
    by: string,
    credential: Credential | null,
    org: string | null,
    address: string | null,
  ): Promise<Principal> {
    try {
      return await this.#options.access.verify(credential, org, address);
    } catch (error) {
      if (error instanceof AppError && (error.code === 'AUTH_FAILED' || error.code === 'AUTH_EXPIRED')) {
        const of = error instanceof RefusedError ? error.of : null;
        this.#authentications.record({ of, by, ip: address, refused: error.code });
      }
      throw error;
    }
  }

  /** Audits that a credential was let in. */
  audit(by: string, { orgId, userId, keyId }: Principal, address: string | null): void {
    this.#authentications.record({ of: { orgId, userId, keyId }, by, ip: address, refused: null });
  }

  /** Counts `cost` uses of a principal. Throws RATE_LIMITED when it, or its org, asks too often. */
  spend(principal: Principal, cost = 1): Spent {
    const spent = this.#limits.spend(principal, cost);
    this.#usage.add(principal, cost, Date.now());
    return spent;
  }

  #isFirst(socket: Socket, principal: Principal): boolean {
    const seen = this.#seen.get(socket) ?? new Set();
    this.#seen.set(socket, seen);
    const id = bucketOf(principal);
    if (seen.has(id)) return false;
    if (seen.size >= MAX_SEEN) seen.clear();
    seen.add(id);
    return true;
  }

  async #report(): Promise<void> {
    let usage: KeyUse[];
    do {
      usage = this.#usage.take(REPORT_KEYS);
      if (usage.length === 0) return;
      try {
        await this.#options.access.report(usage, []);
      } catch (error) {
        this.#usage.putBack(usage);
        this.#options.log.debug({ err: error }, 'the uses of keys are reported later');
        return;
      }
      // Keys that were used meanwhile are for the next interval: under steady traffic there are always some.
    } while (usage.length === REPORT_KEYS);
  }
}

const policies = new WeakMap<Limit, string>();

/** The RateLimit and RateLimit-Policy headers (draft-ietf-httpapi-ratelimit-headers) of the tightest limit. */
function setRateHeaders(res: ServerResponse, { name, verdict }: Spent): void {
  const { limit, remaining } = verdict;
  let policy = policies.get(limit);
  if (policy === undefined) {
    policy = `;q=${limit.burst};w=${Math.max(1, Math.ceil(limit.burst / limit.perSecond))}`;
    policies.set(limit, policy);
  }
  const reset = Math.max(1, Math.ceil((limit.burst - remaining) / limit.perSecond));
  res.setHeader('ratelimit-policy', `"${name}"${policy}`);
  res.setHeader('ratelimit', `"${name}";r=${remaining};t=${reset}`);
}
