import type { AppError } from '@governsai/contracts';
import type { Connection } from './connection.ts';
import type { GateEvents } from './credential-gate.ts';
import type { ConnectionHost } from './host.ts';

/**
 * What the gate of a connection tells it. A class: an object of closures for each of 10,000 sockets would take ten times the
 * memory.
 */
export class GateDoor implements GateEvents {
  readonly #connection: Connection;
  readonly #inbox: Pick<GateEvents, 'hold' | 'release'>;
  readonly #host: ConnectionHost;

  constructor(connection: Connection, inbox: Pick<GateEvents, 'hold' | 'release'>, host: ConnectionHost) {
    this.#connection = connection;
    this.#inbox = inbox;
    this.#host = host;
  }

  hold(): void {
    this.#inbox.hold();
  }

  release(): void {
    this.#inbox.release();
  }

  send(message: object): void {
    this.#connection.send(message);
  }

  sendError(error: AppError): void {
    this.#connection.sendError(error);
  }

  refuse(error: AppError): void {
    this.#connection.refuse(error);
  }

  authenticated(): void {
    this.#host.authenticated(this.#connection);
  }

  close(code: number, reason: string): void {
    this.#connection.close(code, reason);
  }
}
