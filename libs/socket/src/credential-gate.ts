import { setTimeout as delay } from 'node:timers/promises';
import { type Access, type Credential, TooManyConnections } from '@governsai/access';
import { AppError, authMessage, CLOSE_CODES, type Principal, validationError } from '@governsai/contracts';

/** How long a client has for a valid AUTH unless told otherwise. */
export const AUTH_DEADLINE_MS = 5000;
/** Pauses between looks at a credential in use while auth cannot be asked. */
const REVERIFY_PAUSE_MS = 200;
const MAX_REVERIFY_PAUSE_MS = 2000;
/** The longest time-out Node can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export type GateAccess = Pick<Access, 'verify'> & {
  /** Like `verify`, for credentials in use: waits its turn when very many are asked about at once. */
  reverify: Access['verify'];
};

/** What is known of a connection beside its credential. */
export interface Claims {
  /** The org that the URL names: the credential must belong to it. Null when it names none. */
  org: string | null;
  /** Where the client is, for keys that are bound to networks. Null when it is not known. */
  ip: string | null;
}

/** What the gate tells its connection. */
export interface GateEvents {
  /** Handle no further message until {@link release}: it depends on who speaks. */
  hold(): void;
  release(): void;
  send(message: object): void;
  sendError(error: AppError): void;
  /** Tell the error and close: 4401 for a bad credential, 1012 when it cannot be checked now. */
  refuse(error: AppError): void;
  /** The principal is known, or has changed. */
  authenticated(): void;
  close(code: number, reason: string): void;
}

/**
 * Knows who speaks on one connection: verifies the credential of the upgrade or of an AUTH message, ends the connection
 * when there is none in time, when it expires, and when access says it is no longer good (G7).
 */
export class CredentialGate {
  readonly #access: GateAccess;
  readonly #claims: Claims;
  readonly #events: GateEvents;
  readonly #deadlineMs: number;
  #credential: Credential | null = null;
  #principal: Principal | null = null;
  #verifying = false;
  #stopped = false;
  #deadline: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #reverifying = false;
  /** How long the next re-verification may go on; undefined when none is asked for. */
  #reverifyPatienceMs: number | undefined;

  /** `deadlineMs`: how long a client has for a valid AUTH. */
  constructor(access: GateAccess, claims: Claims, events: GateEvents, deadlineMs = AUTH_DEADLINE_MS) {
    this.#deadlineMs = deadlineMs;
    this.#access = access;
    this.#claims = claims;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#principal !== null;
  }

  /** Throws while nobody is authenticated. */
  get principal(): Principal {
    if (!this.#principal) throw new Error('a handler ran on a connection that is not authenticated');
    return this.#principal;
  }

  open(credential: Credential | null): void {
    this.#deadline = setTimeout(() => this.#late(), this.#deadlineMs);
    if (credential) void this.#verify(credential, false);
  }

  /** The socket has closed: no timer stays. A verification under way still ends, for the messages that wait for it. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#expiry);
  }

  /** Handles an AUTH message. Throws VALIDATION_FAILED when it has not exactly one of apiKey and token. */
  async authenticate(message: unknown): Promise<void> {
    const parsed = authMessage.safeParse(message);
    if (!parsed.success) throw validationError(parsed.error);
    const { apiKey, token = '' } = parsed.data;
    await this.#verify(apiKey === undefined ? { token } : { apiKey }, true);
  }

  /**
   * Asks again about the credential in use. While auth cannot be asked it is asked again, and after `patienceMs` the socket is
   * closed with 1012. Calls while one is under way lead to one more.
   */
  reverify(patienceMs: number): void {
    if (!this.#credential || this.#stopped) return;
    this.#reverifyPatienceMs = Math.min(patienceMs, this.#reverifyPatienceMs ?? patienceMs);
    if (this.#reverifying) return;
    this.#reverifying = true;
    void this.#reverifyUntilDone().finally(() => {
      this.#reverifying = false;
    });
  }

  async #verify(credential: Credential, announce: boolean): Promise<void> {
    this.#verifying = true;
    this.#events.hold();
    try {
      const principal = await this.#access.verify(credential, this.#claims.org, this.#claims.ip);
      if (this.#principal && !sameIdentity(this.#principal, principal)) {
        this.#events.sendError(
          new AppError('FORBIDDEN', 'the connection speaks for another identity: open a new connection for this one'),
        );
        return;
      }
      this.#adopt(credential, principal);
      if (announce) this.#events.send(authSuccess(principal));
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#verifying = false;
      this.#events.release();
    }
  }

  #refuse(error: unknown): void {
    const refusal = asRefusal(error);
    if (refusal instanceof TooManyConnections) {
      this.#events.sendError(refusal);
      this.#events.close(CLOSE_CODES.tooManyConnections, refusal.message);
      return;
    }
    // What cannot be checked now says nothing against the identity that was checked before.
    const isUnchecked = refusal.code === 'UNAVAILABLE' || refusal.code === 'RATE_LIMITED';
    if (this.#principal && isUnchecked) this.#events.sendError(refusal);
    else this.#events.refuse(refusal);
  }

  #adopt(credential: Credential, principal: Principal): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#credential = credential;
    this.#principal = principal;
    if (this.#stopped) return;
    this.#watchExpiry(principal);
    this.#events.authenticated();
  }

  #watchExpiry(principal: Principal): void {
    clearTimeout(this.#expiry);
    if (principal.expiresAt === null) return;
    const left = Date.parse(principal.expiresAt) - Date.now();
    this.#expiry = setTimeout(
      () => {
        if (left > MAX_TIMEOUT_MS) this.#watchExpiry(principal);
        else
          this.#events.refuse(new AppError('AUTH_EXPIRED', 'the credential has expired: connect again with a new one'));
      },
      Math.min(Math.max(left, 0), MAX_TIMEOUT_MS),
    );
  }

  async #reverifyUntilDone(): Promise<void> {
    while (this.#reverifyPatienceMs !== undefined && this.#credential && !this.#stopped) {
      const patience = this.#reverifyPatienceMs;
      this.#reverifyPatienceMs = undefined;
      await this.#reverify(this.#credential, performance.now() + patience);
    }
  }

  async #reverify(credential: Credential, deadline: number): Promise<void> {
    for (let pause = REVERIFY_PAUSE_MS; !this.#stopped; pause = Math.min(2 * pause, MAX_REVERIFY_PAUSE_MS)) {
      try {
        const principal = await this.#access.reverify(credential, this.#claims.org, this.#claims.ip);
        // An AUTH may have renewed the credential meanwhile.
        if (this.#credential === credential) this.#adopt(credential, principal);
        return;
      } catch (error) {
        if (this.#credential !== credential) return;
        const refusal = asRefusal(error);
        if (refusal.code !== 'UNAVAILABLE' || performance.now() + pause > deadline) {
          this.#events.refuse(refusal);
          return;
        }
        await delay(pause);
        // A change was heard meanwhile, which leaves less patience.
        if (this.#reverifyPatienceMs !== undefined) return;
      }
    }
  }

  #late(): void {
    if (this.#verifying) {
      this.#events.refuse(
        new AppError('UNAVAILABLE', 'the credential could not be checked in time: retry', { retryAfterMs: 1000 }),
      );
    } else {
      this.#events.close(CLOSE_CODES.silent, `no valid AUTH within ${this.#deadlineMs} ms`);
    }
  }
}

function authSuccess({ orgId, userId }: Principal): object {
  return { type: 'AUTH_SUCCESS', orgId, orgSlug: orgId, userId, timestamp: new Date().toISOString() };
}

/** A renewed token is the same identity; another key or another user is not. */
function sameIdentity(a: Principal, b: Principal): boolean {
  return a.kind === b.kind && a.orgId === b.orgId && a.userId === b.userId && a.keyId === b.keyId;
}

function asRefusal(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('UNAVAILABLE', 'the credential cannot be checked now: retry', {
    retryAfterMs: 1000,
    cause: error,
  });
}
