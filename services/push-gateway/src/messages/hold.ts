import { AppError } from '@governsai/contracts';
import { DECISION, describeActiveSpan, traceHeaders } from '@governsai/service';
import type { MessageHandler } from '@governsai/socket';
import type { MessageRelay } from '../message-relay.ts';
import type { HoldResult } from '../relays.ts';
import type { Sessions } from '../sessions.ts';

/**
 * HOLD, SETTLE and RELEASE: handed on to budget-tracker, which alone checks them and holds (G5). When the socket has closed
 * meanwhile the message is handed on all the same; by its key or hold, sending it again does nothing twice.
 */
export function holdHandler(relay: MessageRelay<HoldResult>, sessions: Sessions): MessageHandler {
  return async (connection, message, bytes) => {
    const { principal } = connection;
    const { traceparent } = traceHeaders();
    describeActiveSpan(() => ({ [DECISION.orgId]: principal.orgId }));
    const result = await relay.submit({ principal, message, traceparent }, bytes, sessions.laneOf(connection));
    if ('error' in result) {
      const { code, message: text, path, retryAfterMs, id } = result.error;
      connection.sendError(new AppError(code, text, { path, retryAfterMs }), { id });
      return;
    }
    connection.send(result);
  };
}
