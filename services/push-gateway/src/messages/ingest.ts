import { type Ack, AppError } from '@governsai/contracts';
import { DECISION, describeActiveSpan, traceHeaders } from '@governsai/service';
import type { MessageHandler } from '@governsai/socket';
import type { MessageRelay } from '../message-relay.ts';
import type { IngestResult } from '../relays.ts';
import type { Sessions } from '../sessions.ts';

/**
 * INGEST: handed on to ingest-gateway, which alone checks it and answers for its storage (G1). The answer goes to the socket it
 * came from; when that has closed meanwhile the message is handed on all the same.
 */
export function ingestHandler(relay: MessageRelay<IngestResult>, sessions: Sessions): MessageHandler {
  return async (connection, message, bytes) => {
    const { principal } = connection;
    const { traceparent } = traceHeaders();
    const result = await relay.submit({ principal, message, traceparent }, bytes, sessions.laneOf(connection));
    if ('error' in result) {
      const { code, message: text, path, channel, retryAfterMs, id } = result.error;
      connection.sendError(new AppError(code, text, { path, channel, retryAfterMs }), { id, type: 'INGEST' });
      return;
    }
    describeActiveSpan(() => ({ [DECISION.orgId]: principal.orgId, [DECISION.id]: result.decisionId }));
    const ack: Ack = { type: 'ACK', ...result, timestamp: new Date().toISOString() };
    connection.send(ack);
  };
}
