import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError, type HttpRoute, type Principal, validationError } from '@governsai/contracts';
import { DECISION } from '@governsai/telemetry';
import express, { type IRoute, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import type { z } from 'zod';
import type { ClientEnv } from '../admission-environment.ts';
import type { BaseEnv } from '../environment.ts';
import type { Health } from '../health.ts';
import type { Logger } from '../logger.ts';
import { isInNetworks } from '../networks.ts';
import { createBodyReader } from './body.ts';
import { createGracefulServer } from './graceful-server.ts';
import { createGuard, type GuardOptions } from './guard.ts';
import { allowOrigins } from './origins.ts';
import { mountProbes } from './probes.ts';
import { sendProblem, toAppError } from './problem.ts';
import { recordError, recordRequest } from './request-metrics.ts';
import { traceRequest } from './request-trace.ts';

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;
const DEFAULT_CLOSE_DEADLINE_MS = 10_000;
/** The media type of server-sent events. */
const EVENT_STREAM = 'text/event-stream';
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

export interface HttpAppOptions extends GuardOptions {
  service: string;
  log: Logger;
  health: Health;
  /** Bodies above this are answered PAYLOAD_TOO_LARGE. 1 MiB unless given. */
  maxBodyBytes?: number;
  /** Networks of the proxies whose `X-Forwarded-For` says where a client is; none unless given. */
  trustedProxies?: readonly string[];
  /** Origins whose pages a browser may let call; none unless given. */
  allowedOrigins?: readonly string[];
  /** How long `close` waits for requests in flight. 10 s unless given. */
  closeDeadlineMs?: number;
}

/** Whom a service believes and lets call, for `createHttpApp`: proxies, browsers' pages, the other services. */
export function httpAppOptions(
  env: ClientEnv & Pick<BaseEnv, 'INTERNAL_TOKEN'>,
): Pick<HttpAppOptions, 'trustedProxies' | 'allowedOrigins' | 'internalToken'> {
  return {
    trustedProxies: env.TRUSTED_PROXIES,
    allowedOrigins: env.ALLOWED_ORIGINS,
    internalToken: env.INTERNAL_TOKEN,
  };
}

/** What a handler gets: the request as its route's schemas have read it. */
export interface HttpContext<Params, Query, Body> {
  params: Params;
  query: Query;
  /** `undefined` for a route without a body. */
  body: Body;
  /** Who asks; null when the route is internal or open. */
  principal: Principal | null;
  requestId: string;
  req: Request;
  res: Response;
}

export interface HttpApp {
  /** The server, for `upgrade` listeners; it listens after {@link HttpApp.listen}. */
  readonly server: Server;
  /**
   * Serves a route: guards it by `route.auth`, reads path, query and body by its schemas, answers `route.status` with what
   * the handler returns as JSON. `undefined` means that the handler wrote the answer itself, or that it has no body.
   */
  mount<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
    route: HttpRoute<P, Q, B, R>,
    handler: (context: HttpContext<z.output<P>, z.output<Q>, z.output<B>>) => Promise<z.input<R> | undefined>,
  ): void;
  /** Resolves when connections are accepted. @throws when the address cannot be had. */
  listen(port: number, host: string): Promise<Server>;
  /** Stops accepting, lets requests in flight end within the deadline, closes idle connections. */
  close(): Promise<void>;
}

/** The HTTP side of a service: probes, metrics, request ids, problem details, and the routes mounted on it. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { log, health } = options;
  const app = express();
  app.disable('x-powered-by').disable('etag');
  const { trustedProxies = [] } = options;
  // What `req.ip` means: the same as createAddressReader says.
  app.set('trust proxy', (address: string) => isInNetworks(address, trustedProxies));
  const graceful = createGracefulServer(app);
  const readBody = createBodyReader(options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);

  app.use((req, res, next) => {
    const started = process.hrtime.bigint();
    const given = req.headers['x-request-id'];
    const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    res.locals.requestId = requestId;
    res.locals.allowed = new Set<string>();
    res.setHeader('x-request-id', requestId);
    if (graceful.closing) res.setHeader('connection', 'close');
    res.once('close', () => {
      const began: bigint | undefined = res.locals.streamBegan;
      const seconds = Number((began ?? process.hrtime.bigint()) - started) / 1e9;
      const route: string = res.locals.route ?? 'unmatched';
      const answered = res.writableFinished || began !== undefined;
      // 499 as in nginx: the client left before the answer was out.
      recordRequest(req.method, route, answered ? res.statusCode : 499, seconds);
    });
    next();
  });
  app.use(helmet(), allowOrigins(options.allowedOrigins ?? []));
  mountProbes(app, health);

  const routes = express.Router();
  const paths = new Map<string, { route: IRoute; methods: Set<string> }>();
  app.use(routes);
  app.use((_req, res) => {
    const allowed: Set<string> = res.locals.allowed;
    if (allowed.size === 0)
      throw new AppError('NOT_FOUND', 'There is nothing at this path; see the OpenAPI document for the routes.');
    const list = [...allowed].sort().join(', ');
    res.setHeader('allow', list);
    throw new AppError('METHOD_NOT_ALLOWED', `This path takes ${list}.`);
  });
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => {
    const shown = toAppError(error);
    recordError(shown.code);
    const requestId: string = res.locals.requestId;
    if (shown.status >= 500) {
      const fields = { code: shown.code, requestId, method: req.method, route: res.locals.route };
      // An outage is told once by health; each request it fails is worth a line, not a stack.
      if (shown.code === 'UNAVAILABLE') log.warn({ ...fields, cause: String(shown.cause ?? '') }, shown.message);
      else log.error({ ...fields, err: shown.cause ?? shown }, shown.message);
    }
    // An answer that has begun cannot become a problem: only a broken connection tells the client.
    if (res.headersSent) res.destroy();
    else sendProblem(res, shown, requestId);
  });

  function pathOf(path: string): { route: IRoute; methods: Set<string> } {
    const known = paths.get(path);
    if (known) return known;
    const made = { route: routes.route(path), methods: new Set<string>() };
    // Told to the end of the chain, where a path that matched without its method is answered 405.
    made.route.all((_req, res, next) => {
      for (const method of made.methods) res.locals.allowed.add(method);
      next();
    });
    paths.set(path, made);
    return made;
  }

  return {
    server: graceful.server,
    mount(route, handler) {
      const guard = createGuard(route, options);
      const path = pathOf(route.path);
      path.methods.add(route.method.toUpperCase());
      if (route.method === 'get') path.methods.add('HEAD');
      path.route[route.method](async (req: Request, res: Response) => {
        res.locals.route = route.path;
        await traceRequest(req, res, route, async (span) => {
          const admission = await guard(req, res);
          const params = read(route.params, req.params, 'path');
          admission.admitTo(params);
          const query = read(route.query, req.query, 'query');
          const body = route.body ? readBodyOf(route, await requiredBody(req, res)) : undefined;
          const { principal } = admission;
          if (principal && span.isRecording()) span.setAttribute(DECISION.orgId, principal.orgId);
          const answer = await handler({
            params,
            query,
            body: body as never,
            principal,
            requestId: res.locals.requestId,
            req,
            res,
          });
          send(res, route, answer);
        });
      });
    },
    async listen(port, host) {
      const { server } = graceful;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      log.info({ host, port: (server.address() as AddressInfo).port }, 'listening');
      return server;
    },
    close: () => graceful.close(options.closeDeadlineMs ?? DEFAULT_CLOSE_DEADLINE_MS),
  };

  async function requiredBody(req: Request, res: Response): Promise<unknown> {
    const body = await readBody(req, res);
    if (body === undefined)
      throw new AppError('VALIDATION_FAILED', 'The body is missing; send JSON with content-type: application/json.');
    return body;
  }
}

/** Sends what a handler returned, if it has not answered by itself. */
function send(res: Response, route: HttpRoute, answer: unknown): void {
  if (answer !== undefined) {
    res.status(route.status).setHeader('content-type', `${route.mediaType}; charset=utf-8`);
    res.end(JSON.stringify(answer));
  } else if (!res.headersSent) {
    res.status(route.status).end();
  }
  // Answered when it begins: how long somebody listens is no latency, and leaving is how a stream ends.
  if (route.mediaType === EVENT_STREAM) res.locals.streamBegan = process.hrtime.bigint();
}

function readBodyOf(route: HttpRoute, body: unknown): unknown {
  return route.rawBody || !route.body ? body : read(route.body, body, '');
}

function read<T extends z.ZodType>(schema: T, value: unknown, prefix: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw validationError(parsed.error, prefix);
  return parsed.data;
}
