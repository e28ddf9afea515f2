import type { HttpRoute } from '@governsai/contracts';
import { extractContext, HTTP, withSpan } from '@governsai/telemetry';
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Request, Response } from 'express';
import { toAppError } from './problem.ts';

/** Answers one request in a span that continues the caller's trace (G11). The query is never told: a credential may be in it. */
export async function traceRequest(
  req: Request,
  res: Response,
  route: HttpRoute,
  respond: (span: Span) => Promise<void>,
): Promise<void> {
  const attributes = { [HTTP.method]: req.method, [HTTP.route]: route.path, [HTTP.scheme]: 'http' };
  const parent = extractContext(req.headers);
  await withSpan(`${req.method} ${route.path}`, { kind: SpanKind.SERVER, attributes, parent }, async (span) => {
    if (span.isRecording()) span.setAttribute(HTTP.path, req.path);
    try {
      await respond(span);
    } catch (error) {
      span.setAttribute(HTTP.status, toAppError(error).status);
      throw error;
    }
    span.setAttribute(HTTP.status, res.statusCode);
    if (res.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  });
}
