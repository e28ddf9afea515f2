import type { IncomingMessage } from 'node:http';
import { extractContext, RPC, withSpan } from '@governsai/telemetry';
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
 *
 * A message and its answer are a call with a result: the span is named by the conventions for those.
 */
export async function traced(
  message: ClientMessage,
  upgrade: UpgradeTrace,
  handle: () => void | Promise<void>,
): Promise<void> {
  const { traceparent } = message;
  const parent = extractContext(typeof traceparent === 'string' ? { traceparent } : { ...upgrade });
  const method = `governsai.v1/${message.type}`;
  const attributes = { [RPC.system]: 'governsai', [RPC.method]: method };
  await withSpan(method, { kind: SpanKind.SERVER, parent, attributes }, handle);
}
