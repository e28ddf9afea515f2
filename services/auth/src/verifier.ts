import type { CredentialQuery } from '@governsai/access';
import type { Verified } from '@governsai/contracts';
import type { CredentialStore } from './credential-store.ts';
import { reachable } from './reachable.ts';
import type { TicketOwner, TicketStore } from './sessions/ticket-store.ts';
import type { TokenReader } from './sessions/token-reader.ts';
import { EXPIRED, FAILED, judgeKey, judgeSession, type Verdict } from './verdict.ts';

const UNCHECKED = 'credentials cannot be checked now: retry shortly';

/** Says who a credential speaks for, from what is stored now. Every method throws UNAVAILABLE while it cannot know. */
export class Verifier {
  readonly #store: CredentialStore;
  readonly #tokens: TokenReader;
  readonly #tickets: TicketStore;
  readonly #now: () => Date;

  constructor(store: CredentialStore, tokens: TokenReader, tickets: TicketStore, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#tokens = tokens;
    this.#tickets = tickets;
    this.#now = now;
  }

  /** Whatever kind it is. */
  async verify(query: CredentialQuery): Promise<Verified> {
    if ('keyHash' in query) return this.key(query.keyHash);
    if ('token' in query) return this.token(query.token);
    return this.ticket(query.ticketHash, query.orgId, query.redeemer);
  }

  async key(keyHash: string): Promise<Verified> {
    const { version, stored } = await reachable(() => this.#store.key(keyHash), UNCHECKED);
    return { version, ...judgeKey(stored, this.#now()) };
  }

  async token(token: string): Promise<Verified> {
    const now = this.#now();
    const session = await this.#tokens.read(token, now);
    if ('reason' in session) return { version: await this.version(), ...session };
    const { version, stored } = await reachable(() => this.#store.membership(session), UNCHECKED);
    return { version, ...judgeSession(session, stored, now) };
  }

  /** A ticket: the first redeemer has it, and goes on speaking for what it was made with, until a day after that. */
  async ticket(ticketHash: string, orgId: string, redeemer: string): Promise<Verified> {
    const now = this.#now();
    const owner = await reachable(() => this.#tickets.redeem(ticketHash, orgId, redeemer, now), UNCHECKED);
    if (!owner) return { version: await this.version(), ...FAILED };
    const { version, ...verdict } = await this.#ownerOf(owner, now);
    const { principal } = verdict;
    if (!principal) return { version, ...verdict };
    const { keyId, userId } = principal;
    if (Date.parse(owner.endsAt) <= now.getTime()) return { version, ...EXPIRED, of: { orgId, userId, keyId } };
    const expiresAt = earlier(principal.expiresAt, owner.endsAt);
    return { version, principal: { ...principal, expiresAt }, reason: null };
  }

  /** The access version. */
  async version(): Promise<number> {
    return reachable(() => this.#store.version(), UNCHECKED);
  }

  async #ownerOf(
    { orgId, userId, keyId, sessionId, createdAt, endsAt }: TicketOwner,
    now: Date,
  ): Promise<{ version: number } & Verdict> {
    if (keyId !== null) {
      const { version, stored } = await reachable(() => this.#store.keyById(orgId, keyId), UNCHECKED);
      return { version, ...judgeKey(stored, now) };
    }
    if (userId === null) return { version: await this.version(), ...FAILED };
    const session = { orgId, userId, sessionId, issuedAt: createdAt, expiresAt: endsAt };
    const { version, stored } = await reachable(() => this.#store.membership(session), UNCHECKED);
    return { version, ...judgeSession(session, stored, now) };
  }
}

function earlier(a: string | null, b: string): string {
  return a !== null && Date.parse(a) < Date.parse(b) ? a : b;
}
