import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';

/** How long a browser may remember what it was told of an origin. */
const MAX_AGE_SECONDS = 600;
const METHODS = 'GET, POST, PUT, PATCH, DELETE';
const REQUEST_HEADERS = 'authorization, content-type, last-event-id, x-request-id, traceparent, tracestate';
const ANSWER_HEADERS = 'x-request-id, retry-after, ratelimit, ratelimit-policy';

/**
 * Whether a page of the request's origin may open a socket here. Programs send no `Origin`; browsers always do, and cannot
 * lie in it. No cookie speaks for anybody here, so without a list every page may try with a credential of its own.
 */
export function isOriginAllowed(req: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin } = req.headers;
  return origin === undefined || allowed.length === 0 || allowed.includes(origin);
}

/** Answers browsers that ask whether a page of another origin may call (CORS): those on the list, none without a list. */
export function allowOrigins(allowed: readonly string[]): RequestHandler {
  return (req, res, next) => {
    const { origin } = req.headers;
    if (allowed.length > 0) res.vary('origin');
    if (origin === undefined || !allowed.includes(origin)) {
      next();
      return;
    }
    res.setHeader('access-control-allow-origin', origin);
    res.setHeader('access-control-expose-headers', ANSWER_HEADERS);
    if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) {
      next();
      return;
    }
    res.setHeader('access-control-allow-methods', METHODS);
    res.setHeader('access-control-allow-headers', REQUEST_HEADERS);
    res.setHeader('access-control-max-age', String(MAX_AGE_SECONDS));
    res.status(204).end();
  };
}
