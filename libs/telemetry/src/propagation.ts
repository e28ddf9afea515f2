import { type Context, context, propagation, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';

/** The context that belongs to no trace. */
export const NO_TRACE: Context = ROOT_CONTEXT;

/** What carries a trace from one process to the next: W3C `traceparent` and `tracestate`. */
export type TraceHeaders = Record<string, string | string[] | undefined>;

/** Version, trace id, parent id, flags. A later version may have more behind. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-([\da-f]{2})(?:-|$)/;

/** The trace that came in headers; the context without one when there is none, or tracing is off. */
export function extractContext(headers: TraceHeaders): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/**
 * True when the headers carry a trace that is being recorded. Asked before anything is built for a span: of most messages no
 * trace is recorded, and they must not pay for those that have one.
 */
export function isTraced(headers: TraceHeaders): boolean {
  const { traceparent } = headers;
  if (typeof traceparent !== 'string') return false;
  const flags = TRACEPARENT.exec(traceparent)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 16) & TraceFlags.SAMPLED) !== 0;
}

/** The headers that carry the context's trace on; empty when there is none. */
export function traceHeaders(from: Context = context.active()): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(from, headers);
  return headers;
}

/** The id of the active trace, recorded or not: what log lines carry. Undefined when there is none. */
export function traceIdOf(from: Context = context.active()): string | undefined {
  return trace.getSpanContext(from)?.traceId;
}
