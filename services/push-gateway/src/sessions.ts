import type { Logger } from '@governsai/service';
import type { Connection } from '@governsai/socket';
import type { Channels } from './channels.ts';
import { Session } from './session.ts';

/** What this gateway keeps for each open connection. */
export class Sessions {
  readonly #channels: Channels;
  readonly #maxSubscriptions: number;
  readonly #log: Logger;
  readonly #sessions = new Map<Connection, Session>();
  // Beyond the close of a connection: its last messages are still handed on, in order.
  readonly #lanes = new WeakMap<Connection, number>();
  #nextLane = 0;

  /** `maxSubscriptions`: of one connection. */
  constructor(channels: Channels, maxSubscriptions: number, log: Logger) {
    this.#channels = channels;
    this.#maxSubscriptions = maxSubscriptions;
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

  /** The connection's open subscriptions. */
  channelsOf(connection: Connection): ReturnType<Session['channels']> {
    return this.#sessions.get(connection)?.channels() ?? [];
  }

  /** A number by which relays keep the connection's messages in order: see MessageRelay. */
  laneOf(connection: Connection): number {
    const lane = this.#lanes.get(connection) ?? this.#nextLane++;
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
