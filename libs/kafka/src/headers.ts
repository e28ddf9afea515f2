import { type Context, context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import type { SourceMessage, TextHeaders } from './types.ts';

/** Headers as text; of one that is there several times, the last. */
export function textHeaders(headers: SourceMessage['headers'] | undefined): TextHeaders {
  const result: TextHeaders = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) result[name] = last.toString();
  }
  return result;
}

/** The active trace's `traceparent` and `tracestate`; empty when there is no trace. */
export function traceHeaders(): TextHeaders {
  const carrier: TextHeaders = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}

/**
 * The trace a message belongs to, from its headers: start a consumer's span in it, or link to it from the span of a batch.
 *
 * @example context.with(extractContext(message.headers), () => handle(message))
 */
export function extractContext(headers: TextHeaders): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}
