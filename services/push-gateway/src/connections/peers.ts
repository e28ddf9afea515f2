import { type ConnectionView, endConnection, readConnections } from '@governsai/contracts';
import { createInternalClient, type InternalClient, type Logger } from '@governsai/service';
import type { Place, Roster } from './roster.ts';

/** How often a replica says where it is. */
const ANNOUNCE_MS = 5000;
/** How long one replica may take to answer. */
const TIMEOUT_MS = 5000;
/** Requests to one replica at a time. */
const CONNECTIONS = 4;

/** Where all replicas say where they are. */
export interface Addresses {
  /** Says where this replica is and returns where all living ones are, this one included. */
  announce(replica: string, url: string): Promise<Map<string, string>>;
  leave(replica: string): Promise<void>;
}

export interface PeersOptions {
  addresses: Addresses;
  roster: Roster;
  /** Names this replica, differently at each start. */
  replica: string;
  /** Where the others reach it: `http://host:port`. */
  url: string;
  internalToken: string;
  log: Logger;
}

/** What all replicas together have of an org. */
interface Answer {
  /** The first of each replica, in no order between them. */
  items: ConnectionView[];
  /** Replicas that did not answer in time. */
  missing: string[];
}

/**
 * All replicas of push-gateway as one, for questions about connections. Each says every 5 s where it is, one row, and is asked
 * directly when somebody wants to know: nothing is written for a connection, and what is told is as it is now. Which replicas
 * there are is read when it is asked; while PostgreSQL is away, those known before are.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #others = new Map<string, InternalClient>();
  #timer: NodeJS.Timeout | undefined;
  #announcing: Promise<void> | undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Resolves when it has first said where it is, or has failed to. */
  async start(): Promise<void> {
    this.#timer ??= setInterval(() => void this.announce(), ANNOUNCE_MS);
    this.#timer.unref();
    await this.announce();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#announcing;
    await this.#options.addresses.leave(this.#options.replica).catch(() => {});
    await Promise.all([...this.#others.keys()].map((name) => this.#forget(name)));
  }

  /** Says where this replica is and learns where the others are. Never rejects. */
  announce(): Promise<void> {
    this.#announcing ??= this.#announce().finally(() => {
      this.#announcing = undefined;
    });
    return this.#announcing;
  }

  /** The connections of an org, as {@link Roster.list} gives them, of every replica. Never rejects. */
  async list(orgId: string, query: { id?: string; after: Place | null; limit: number }): Promise<Answer> {
    await this.announce();
    const items = this.#options.roster.list(orgId, query);
    const missing: string[] = [];
    const body = { orgId, ...query, after: query.after && ([...query.after] as [number, string]) };
    await this.#each(async (name, client) => {
      try {
        items.push(...(await client.call(readConnections, body)).items);
      } catch (error) {
        missing.push(name);
        this.#options.log.warn({ err: error, peer: name }, 'a replica does not say what connections it has');
      }
    });
    return { items, missing: missing.sort() };
  }

  /** Closes a connection of an org on the replica that has it. Throws UNAVAILABLE when that does not answer. */
  async end(orgId: string, { id, replica }: Pick<ConnectionView, 'id' | 'replica'>): Promise<void> {
    if (replica === this.#options.replica) this.#options.roster.end(orgId, id);
    else await this.#others.get(replica)?.call(endConnection, { orgId, id });
  }

  async #each(ask: (name: string, client: InternalClient) => Promise<void>): Promise<void> {
    await Promise.all([...this.#others].map(([name, client]) => ask(name, client)));
  }

  async #announce(): Promise<void> {
    const { addresses, replica, url, log } = this.#options;
    let living: Map<string, string>;
    try {
      living = await addresses.announce(replica, url);
    } catch (error) {
      log.debug({ err: error }, 'which replicas there are is not known anew: those known before are asked');
      return;
    }
    living.delete(replica);
    for (const name of this.#others.keys()) if (!living.has(name)) void this.#forget(name);
    for (const [name, peerUrl] of living) {
      if (!this.#others.has(name)) this.#others.set(name, this.#clientOf(peerUrl));
    }
  }

  #clientOf(baseUrl: string): InternalClient {
    const { internalToken } = this.#options;
    return createInternalClient({ baseUrl, internalToken, timeoutMs: TIMEOUT_MS, connections: CONNECTIONS });
  }

  async #forget(name: string): Promise<void> {
    const known = this.#others.get(name);
    this.#others.delete(name);
    await known?.close().catch(() => {});
  }
}
