import type { IncomingMessage } from 'node:http';
import { AppError, type Principal } from '@governsai/contracts';
import { isOriginAllowed } from '@governsai/service';
import type { Access } from './access.ts';
import type { Admission } from './admission.ts';
import type { ConnectionCaps } from './connection-caps.ts';
import type { Credential } from './credential.ts';

/** What one connection may do, from its upgrade to its end. */
export interface SocketPass {
  /** Says who a credential that the client shows speaks for; audited, and limited by address. */
  authenticate(credential: Credential, org: string | null): Promise<Principal>;
  /** Says whether the credential in use is still good. */
  reverify(credential: Credential, org: string | null): Promise<Principal>;
  /** Counts one message. Throws RATE_LIMITED when its credential, or the org, sends too many. */
  spend(principal: Principal): void;
  /** The connection has ended. */
  close(): void;
}

export interface SocketAdmissionOptions {
  admission: Admission;
  access: Pick<Access, 'verify'>;
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

  /** A new connection, its upgrade admitted. Throws TooManyConnections when too many are open from its address. */
  open(req: IncomingMessage): SocketPass {
    const { admission, access, caps, addressOf } = this.#options;
    const address = addressOf(req);
    const held = [caps.openFrom(address)];
    let isKnown = false;
    let isClosed = false;
    let tries = 0;
    return {
      async authenticate(credential, org) {
        // The first one was counted with the upgrade.
        if (tries++ > 0) admission.admitAddress(address);
        const principal = await admission.verify('socket', credential, org, address);
        // Nobody is left to forget what would be counted now.
        if (!isKnown && !isClosed) {
          held.push(caps.openOf(principal));
          admission.audit('socket', principal, address);
          isKnown = true;
        }
        return principal;
      },
      reverify: (credential, org) => access.verify(credential, org, address),
      spend: (principal) => void admission.spend(principal),
      close() {
        isClosed = true;
        for (const release of held.splice(0)) release();
      },
    };
  }
}
