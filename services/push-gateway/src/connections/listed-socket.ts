import { CLOSE_CODES } from '@governsai/contracts';
import { type Connection, restartReason } from '@governsai/socket';
import type { Sessions } from '../sessions.ts';
import type { Listed } from './roster.ts';

/** A WebSocket as lists of connections show it. */
export function listedSocket(connection: Connection, sessions: Sessions): Listed {
  return {
    id: connection.id,
    transport: 'websocket',
    path: connection.path,
    connectedAt: connection.openedAt,
    ip: connection.ip,
    principal: () => connection.principal,
    channels: () => sessions.channelsOf(connection),
    bytesSent: () => connection.bytesSent,
    bytesBuffered: () => connection.bufferedBytes,
    end: () => connection.close(CLOSE_CODES.restart, restartReason()),
  };
}
