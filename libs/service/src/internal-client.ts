import { AppError, type HttpRoute, INTERNAL_TOKEN_HEADER, problem } from '@governsai/contracts';
import { HTTP, traceHeaders, withSpan } from '@governsai/telemetry';
import { SpanKind } from '@opentelemetry/api';
import { type Dispatcher, Pool } from 'undici';
import type { z } from 'zod';

export interface InternalClientOptions {
  /** The other service: `http://host:port`. */
  baseUrl: string;
  internalToken: string;
  /** How long one call may take, all attempts together. 2 s unless given. */
  timeoutMs?: number;
  /** Connections at most. 16 unless given. */
  connections?: number;
}

/** Calls the internal routes of one other service. */
export interface InternalClient {
  /**
   * Calls a route without path parameters. The call is repeated once when the connection broke before an answer, so the
   * route must be idempotent.
   *
   * @throws AppError the error the other service answered with, or UNAVAILABLE when it gave no usable answer in time.
   */
  call<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
    route: HttpRoute<P, Q, B, R>,
    body?: z.input<B>,
  ): Promise<z.output<R>>;
  /** Closes the connections; calls under way end first. */
  close(): Promise<void>;
}

const BROKEN_CONNECTION = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'UND_ERR_SOCKET']);
const RETRY_AFTER_MS = 1000;

/** Opens a client with kept-alive connections to one service. */
export function createInternalClient(options: InternalClientOptions): InternalClient {
  const { baseUrl, internalToken, timeoutMs = 2000, connections = 16 } = options;
  const { origin, hostname, port, protocol } = new URL(baseUrl);
  // Kept shorter than the server's keep-alive time-out, so that a request seldom meets a connection that is being closed.
  const pool = new Pool(origin, {
    connections,
    connect: { timeout: timeoutMs },
    keepAliveTimeout: 10_000,
    keepAliveMaxTimeout: 30_000,
  });

  return {
    call(route, body) {
      const attributes = {
        [HTTP.method]: route.method.toUpperCase(),
        [HTTP.template]: route.path,
        [HTTP.url]: `${origin}${route.path}`,
        [HTTP.serverAddress]: hostname,
        [HTTP.serverPort]: Number(port || (protocol === 'https:' ? 443 : 80)),
      };
      return withSpan(
        `${route.method.toUpperCase()} ${route.path}`,
        { kind: SpanKind.CLIENT, attributes },
        async (span) => {
          const { status, text } = await exchange({
            path: route.path,
            method: route.method.toUpperCase() as Dispatcher.HttpMethod,
            headers: { ...traceHeaders(), 'content-type': 'application/json', [INTERNAL_TOKEN_HEADER]: internalToken },
            body: body === undefined ? null : JSON.stringify(body),
            signal: AbortSignal.timeout(timeoutMs),
          });
          span.setAttribute(HTTP.status, status);
          const value = parseJson(text);
          if (status !== route.status) throw refusal(status, value);
          const parsed = route.response.safeParse(value);
          if (!parsed.success)
            throw unavailable(
              `${origin} answered ${route.name} in an unknown form; run the same version of all services.`,
              parsed.error,
            );
          return parsed.data;
        },
      );
    },
    close: () => pool.close(),
  };

  async function exchange(request: Dispatcher.RequestOptions): Promise<{ status: number; text: string }> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { statusCode, body } = await pool.request(request);
        return { status: statusCode, text: await body.text() };
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? '';
        if (attempt > 1 || !BROKEN_CONNECTION.has(code))
          throw unavailable(`${origin} does not answer; try again shortly.`, error);
      }
    }
  }

  function refusal(status: number, value: unknown): AppError {
    const { data } = problem.safeParse(value);
    // 401 and 403 are about our own token, not about the client's credential: to the client it is an outage.
    if (status === 401 || status === 403) {
      return unavailable(`${origin} refuses this service; INTERNAL_TOKEN must be the same in both.`, data);
    }
    if (!data || data.code === 'INTERNAL')
      return unavailable(`${origin} failed (HTTP ${status}); try again shortly.`, data);
    const { code, detail, path, retryAfterMs, firstSeq } = data;
    return new AppError(code, detail, { path, retryAfterMs, firstSeq });
  }
}

function unavailable(message: string, cause: unknown): AppError {
  return new AppError('UNAVAILABLE', message, { retryAfterMs: RETRY_AFTER_MS, cause });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
