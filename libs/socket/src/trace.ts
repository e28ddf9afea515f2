import type { IncomingMessage } from 'node:http';
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ClientMessage } from './message.ts';

const tracer = trace.getTracer('@governsai/socket');

/** The headers of an upgrade that carry a trace; kept instead of the whole request. */
export interface TraceHeaders {
  traceparent?: string;
  tracestate?: string;
}

export function traceHeaders(request: IncomingMessage): TraceHeaders {
  const { traceparent, tracestate } = request.headers;
  return {
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(typeof tracestate === 'string' && { tracestate }),
  };
}

/**
 * Runs the handler of one message in a span of its own. The parent is the `traceparent` in the message, else the one of
 * the upgrade, else none: a connection may live for days, so without either each message begins its own trace.
 */
export async function traced(
  message: ClientMessage,
  upgrade: TraceHeaders,
  handle: () => void | Promise<void>,
): Promise<void> {
  const carrier = typeof message.traceparent === 'string' ? { traceparent: message.traceparent } : upgrade;
  const parent = propagation.extract(ROOT_CONTEXT, carrier);
  const span = tracer.startSpan(`ws ${message.type}`, { kind: SpanKind.SERVER }, parent);
  try {
    await context.with(trace.setSpan(parent, span), handle);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
