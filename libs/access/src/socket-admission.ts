import type { IncomingMessage } from 'node:http';
import { AppError, type Principal } from '@governsai/contracts';
import { isOriginAllowed } from '@governsai/service';
import type { Admission } from './admission.ts';
import type { ConnectionCaps } from './connection-caps.ts';
import type { Credential } from './credential.ts';

/** What one connection may do, from its upgrade to its end. */
export interface SocketPass {
  /** Says who a credential that the client shows speaks for; audited, and limited by address. */
  authenticate(credential: Credential | null, org: string | null): Promise<Principal>;
  /** Counts one message. Throws RATE_LIMITED when its credential, or the org, sends too many. */
  spend(principal: Principal): void;
  /** The connection has ended. */
  close(): void;
}

export interface SocketAdmissionOptions {
  admission: Admission;
  caps: ConnectionCaps;
  addressOf: (req: IncomingMessage) => string | null;
  /** Origins whose pages may open sockets; empty: any. */
  allowedOrigins: readonly string[];
}

/** Lets connections in, and what comes over them. */
export class SocketAdmission {
  readonly #options: SocketAdmissionOptions;

  constructor(options: SocketAdmissionOptions) {
    this.#options = options;
  }

  /** Where a request comes from; null: that is not known. */
  get addressOf(): (req: IncomingMessage) => string | null {
    return this.#options.addressOf;
  }

  /** Begins to tell the other replicas what is open here. */
  start(): void {
    this.#options.caps.start();
  }

  async stop(): Promise<void> {
    await this.#options.caps.stop();
  }

  /** Throws FORBIDDEN for a page of an origin that is not allowed, RATE_LIMITED when too many come from the address. */
  admitUpgrade(req: IncomingMessage): void {
    const { admission, addressOf, allowedOrigins } = this.#options;
    if (!isOriginAllowed(req, allowedOrigins)) {
      throw new AppError('FORBIDDEN', 'pages of this origin may not connect: add it to ALLOWED_ORIGINS');
    }
    admission.admitAddress(addressOf(req));
  }

  /**
   * A new connection, its upgrade (or, of a stream, its request) admitted; `by` says in the audit log what it is. Throws
   * TooManyConnections when too many are open from its address.
   */
  open(req: IncomingMessage, by: 'socket' | 'stream' = 'socket'): SocketPass {
    const { admission, caps, addressOf } = this.#options;
    const address = addressOf(req);
    return new Pass(admission, caps, by, address, caps.openFrom(address));
  }
}

class Pass implements SocketPass {
  readonly #admission: Admission;
  readonly #caps: ConnectionCaps;
  readonly #by: string;
  readonly #address: string | null;
  readonly #releaseAddress: () => void;
  #releasePrincipal: (() => void) | null = null;
  #tried = false;
  #closed = false;

  constructor(
    admission: Admission,
    caps: ConnectionCaps,
    by: string,
    address: string | null,
    releaseAddress: () => void,
  ) {
    this.#admission = admission;
    this.#caps = caps;
    this.#by = by;
    this.#address = address;
    this.#releaseAddress = releaseAddress;
  }

  async authenticate(credential: Credential | null, org: string | null): Promise<Principal> {
    // The first one was counted with the upgrade.
    if (this.#tried) this.#admission.admitAddress(this.#address);
    this.#tried = true;
    const principal = await this.#admission.verify(this.#by, credential, org, this.#address);
    // When it has closed meanwhile, nobody is left to forget what would be counted now.
    if (this.#releasePrincipal === null && !this.#closed) {
      this.#releasePrincipal = this.#caps.openOf(principal);
      this.#admission.audit(this.#by, principal, this.#address);
    }
    return principal;
  }

  spend(principal: Principal): void {
    this.#admission.spend(principal);
  }

  close(): void {
    this.#closed = true;
    this.#releaseAddress();
    this.#releasePrincipal?.();
  }
}
