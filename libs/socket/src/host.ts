import type { Socket } from 'node:net';
import type { MessageLimits } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import type { Connection } from './connection.ts';
import type { GateAccess } from './credential-gate.ts';
import type { ClientMessage } from './message.ts';

/**
 * Handles one message of one type, which had `bytes` bytes. What it throws is answered with an ERROR that carries the message's
 * idempotencyKey.
 */
export type MessageHandler = (connection: Connection, message: ClientMessage, bytes: number) => void | Promise<void>;

/** What a connection needs from the server it belongs to. */
export interface ConnectionHost {
  readonly access: GateAccess;
  readonly limits: MessageLimits;
  /** How long a client has for a valid AUTH. */
  readonly authDeadlineMs: number;
  readonly log: Logger;
  /** Send every message back instead of handling it. */
  readonly echo: boolean;
  /** The handler of a message type. Throws UNKNOWN_TYPE when there is none. */
  handlerOf(type: string): MessageHandler;
  /** The connection speaks for a principal from now on, or for a changed one. */
  authenticated(connection: Connection): void;
  /** Uncorks the socket at the end of this turn of the event loop. */
  uncorkLater(socket: Socket): void;
}
