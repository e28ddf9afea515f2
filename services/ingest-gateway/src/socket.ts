import type { Ack } from '@governsai/contracts';
import type { MessageHandler } from '@governsai/socket';
import type { Ingest } from './ingest.ts';

/** INGEST on a socket of this gateway: answered by ACK once Kafka has confirmed (G1). */
export function ingestHandler(ingest: Ingest): MessageHandler {
  return async (connection, message) => {
    const accepted = await ingest.one({ message, principal: connection.principal }, 'ws');
    const ack: Ack = { type: 'ACK', ...accepted, timestamp: new Date().toISOString() };
    connection.send(ack);
  };
}
