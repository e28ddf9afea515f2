import { setTimeout as delay } from 'node:timers/promises';
import type { Access, Credential } from '@governsai/access';
import { AppError, authMessage, CLOSE_CODES, type Principal, validationError } from '@governsai/contracts';

/** How long a client has for a valid AUTH. */
const AUTH_DEADLINE_MS = 5000;
/** Looks-up of a changed credential before the socket is given up; together well under the second that G7 allows. */
const REVERIFY_ATTEMPTS = 3;
const REVERIFY_PAUSE_MS = 200;
/** The longest time-out Node can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export type GateAccess = Pick<Access, 'verify'>;

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
  /** The org that the URL names: the credential must belong to it. Null when it names none. */
  readonly #org: string | null;
  readonly #events: GateEvents;
  #credential: Credential | null = null;
  #principal: Principal | null = null;
  #verifying = false;
  #stopped = false;
  #deadline: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #reverifying: 'no' | 'running' | 'again' = 'no';

  constructor(access: GateAccess, org: string | null, events: GateEvents) {
    this.#access = access;
    this.#org = org;
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
    this.#deadline = setTimeout(() => this.#late(), AUTH_DEADLINE_MS);
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

  /** Asks again about the credential in use. Calls while one is under way lead to one more. */
  reverify(): void {
    const credential = this.#credential;
    if (!credential || this.#stopped) return;
    if (this.#reverifying !== 'no') {
      this.#reverifying = 'again';
      return;
    }
    this.#reverifying = 'running';
    void this.#reverify(credential).finally(() => {
      const again = this.#reverifying === 'again';
      this.#reverifying = 'no';
      if (again) this.reverify();
    });
  }

  async #verify(credential: Credential, announce: boolean): Promise<void> {
    this.#verifying = true;
    this.#events.hold();
    try {
      const principal = await this.#access.verify(credential);
      if (this.#org !== null && principal.orgId !== this.#org) {
        throw new AppError(
          'AUTH_FAILED',
          `the credential does not belong to the org "${this.#org}" of the URL: name its own, or none`,
        );
      }
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
    // What cannot be checked now says nothing against the identity that was checked before.
    if (this.#principal && refusal.code === 'UNAVAILABLE') this.#events.sendError(refusal);
    else this.#events.refuse(refusal);
  }

  #adopt(credential: Credential, principal: Principal): void {
    clearTimeout(this.#deadline);
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

  async #reverify(credential: Credential): Promise<void> {
    for (let attempt = 1; !this.#stopped; attempt++) {
      try {
        const principal = await this.#access.verify(credential);
        // An AUTH may have renewed the credential meanwhile.
        if (this.#credential === credential) this.#adopt(credential, principal);
        return;
      } catch (error) {
        if (this.#credential !== credential) return;
        const refusal = asRefusal(error);
        if (refusal.code !== 'UNAVAILABLE' || attempt === REVERIFY_ATTEMPTS) {
          this.#events.refuse(refusal);
          return;
        }
        await delay(REVERIFY_PAUSE_MS);
      }
    }
  }

  #late(): void {
    if (this.#verifying) {
      this.#events.refuse(
        new AppError('UNAVAILABLE', 'the credential could not be checked in time: retry', { retryAfterMs: 1000 }),
      );
    } else {
      this.#events.close(CLOSE_CODES.silent, `no valid AUTH within ${AUTH_DEADLINE_MS} ms`);
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
