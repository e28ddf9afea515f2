import type { IncomingMessage } from 'node:http';
import { extractContext, withSpan } from '@governsai/service';
import { SpanKind } from '@opentelemetry/api';
import type { ClientMessage } from './message.ts';

/** The headers of an upgrade that carry a trace; kept instead of the whole request. */
export interface UpgradeTrace {
  traceparent: string | undefined;
  tracestate: string | undefined;
}

export function upgradeTrace(request: IncomingMessage): UpgradeTrace {
  const { traceparent, tracestate } = request.headers;
  return {
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    tracestate: typeof tracestate === 'string' ? tracestate : undefined,
  };
}

/**
 * Runs the handler of one message in a span of its own (G11). The parent is the `traceparent` in the message, else the one
 * of the upgrade, else none: a connection may live for days, so without either each message begins its own trace.
 */
export async function traced(
  message: ClientMessage,
  upgrade: UpgradeTrace,
  handle: () => void | Promise<void>,
): Promise<void> {
  const { traceparent } = message;
  const parent = extractContext(typeof traceparent === 'string' ? { traceparent } : { ...upgrade });
  await withSpan(`ws ${message.type}`, { kind: SpanKind.SERVER, parent }, async () => handle());
}
