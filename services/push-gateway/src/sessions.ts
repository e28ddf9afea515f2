import type { Logger } from '@governsai/service';
import type { Connection } from '@governsai/socket';
import type { Channels } from './channels.ts';
import type { IngestRelay } from './ingest-relay.ts';
import { Session } from './session.ts';

/** What this gateway keeps for each open connection. */
export class Sessions {
  readonly #channels: Channels;
  readonly #relay: IngestRelay;
  readonly #maxSubscriptions: number;
  readonly #log: Logger;
  readonly #sessions = new Map<Connection, Session>();
  // Beyond the close of a connection: its last messages are still handed on, in order.
  readonly #lanes = new WeakMap<Connection, number>();

  /** `maxSubscriptions`: of one connection. */
  constructor(channels: Channels, relay: IngestRelay, maxSubscriptions: number, log: Logger) {
    this.#channels = channels;
    this.#maxSubscriptions = maxSubscriptions;
    this.#relay = relay;
    this.#log = log;
  }

  /** The connection's subscriptions; undefined when it has closed. */
  of(connection: Connection): Session | undefined {
    const known = this.#sessions.get(connection);
    if (known || !connection.isOpen) return known;
    const session = new Session(connection, this.#channels, this.#maxSubscriptions, this.#log);
    this.#sessions.set(connection, session);
    return session;
  }

  /** How far the subscriptions that do not get every seq have been served, by channel; null when there is none. */
  progressOf(connection: Connection): Record<string, number> | null {
    return this.#sessions.get(connection)?.progress() ?? null;
  }

  /** The lane of the relay that the connection's messages take. */
  laneOf(connection: Connection): number {
    const lane = this.#lanes.get(connection) ?? this.#relay.assignLane();
    this.#lanes.set(connection, lane);
    return lane;
  }

  /** The principal may have lost a scope. */
  recheck(connection: Connection): void {
    this.#sessions.get(connection)?.recheck();
  }

  closed(connection: Connection): void {
    this.#sessions.get(connection)?.close();
    this.#sessions.delete(connection);
  }
}
