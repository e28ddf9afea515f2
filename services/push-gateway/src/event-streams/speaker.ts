import type { Credential } from '@governsai/access';
import type { AppError, Principal } from '@governsai/contracts';
import { type Claims, CredentialGate, type GateAccess } from '@governsai/socket';

/** What happens to the credential of a stream while it is open. */
interface SpeakerEvents {
  /** It is not good any more, or that could not be found out in time. */
  refused(error: AppError): void;
  /** It was verified again; its scopes may be others. */
  changed(principal: Principal): void;
}

/** Who a stream speaks for: the rules of a socket's credential (expiry, revocation: G7), without messages. */
export class Speaker {
  readonly #gate: CredentialGate;
  #events: SpeakerEvents | null = null;
  #refusal: AppError | null = null;
  #settle: ((refusal: AppError | null) => void) | null = null;

  constructor(access: GateAccess, claims: Claims) {
    this.#gate = new CredentialGate(access, claims, {
      hold: () => {},
      release: () => {},
      send: () => {},
      authenticated: () => {
        this.#settle?.(null);
        this.#events?.changed(this.#gate.principal);
      },
      refuse: (error) => this.#refuse(error),
      sendError: (error) => this.#refuse(error),
      close: () => {},
    });
  }

  /** Throws before {@link open} has resolved. */
  get principal(): Principal {
    return this.#gate.principal;
  }

  /** Resolves once the principal is known, or when it is stopped. Rejects with why the credential is refused. */
  open(credential: Credential | null): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = (refusal) => (refusal ? reject(refusal) : resolve());
      this.#gate.open(credential);
    });
  }

  /** Tells of changes from now on, and of a refusal that came before. */
  watch(events: SpeakerEvents): void {
    this.#events = events;
    if (this.#refusal) events.refused(this.#refusal);
    else events.changed(this.principal);
  }

  reverify(patienceMs: number): void {
    this.#gate.reverify(patienceMs);
  }

  stop(): void {
    this.#gate.stop();
    this.#settle?.(null);
  }

  #refuse(error: AppError): void {
    this.#refusal = error;
    this.#settle?.(error);
    this.#events?.refused(error);
  }
}
