import { z } from 'zod';
import './wording.ts';

/** WebSocket close codes (RFC 6455 §7.4; 4000–4999 are the application's own). */
export const CLOSE_CODES = {
  /** The server restarts or drains; the reason is `{"retryAfterMs":N}`. */
  restart: 1012,
  /** A frame above the hard limit (RFC 6455 §7.4.1: message too big). */
  tooBig: 1009,
  /** The credential is bad, expired or revoked. */
  unauthorized: 4401,
  /** No valid AUTH in time, or silent for too long. */
  silent: 4408,
  /** Too many connections. */
  tooManyConnections: 4429,
  /** The client reads slower than it is sent to; it resumes with `since`. */
  slowConsumer: 4430,
} as const;

interface ErrorDefinition {
  /** The HTTP status of this error. */
  status: number;
  /** Title of the problem document (RFC 9457 §3.1.3): the same for every occurrence. */
  title: string;
  /** The same request may succeed later without a change. */
  retryable?: true;
  /** The close code when this error ends the socket; absent when the socket stays. */
  close?: number;
}

/** Every error a client can meet, on HTTP and on a socket. The one registry: nothing else states a status or a title. */
export const ERRORS = {
  AUTH_FAILED: { status: 401, title: 'Authentication failed', close: CLOSE_CODES.unauthorized },
  AUTH_EXPIRED: { status: 401, title: 'The credential has expired', close: CLOSE_CODES.unauthorized },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid' },
  UNKNOWN_TYPE: { status: 400, title: 'Unknown message type' },
  UNSUPPORTED_SCHEMA: { status: 400, title: 'Unsupported schema' },
  CONFLICT: { status: 409, title: 'Conflict with the current state' },
  IDEMPOTENCY_CONFLICT: { status: 409, title: 'The idempotency key was used with another body' },
  HOLD_CLOSED: { status: 409, title: 'The hold is closed' },
  RESUME_GAP: { status: 410, title: 'What is asked for has been pruned' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The message is too large' },
  RATE_LIMITED: { status: 429, title: 'Too many requests', retryable: true },
  UNAVAILABLE: { status: 503, title: 'Temporarily unavailable', retryable: true },
  INTERNAL: { status: 500, title: 'Internal error' },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;
export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
export const errorCode = z.enum(ERROR_CODES).meta({ id: 'ErrorCode', description: 'What went wrong, for programs.' });

export interface AppErrorOptions {
  /** The field at fault, dotted (`data.usage.cost`). */
  path?: string | undefined;
  /** The channel at fault. */
  channel?: string | undefined;
  /** How long to wait before the same request may succeed. */
  retryAfterMs?: number | undefined;
  /** The first sequence number still there, of RESUME_GAP. */
  firstSeq?: number | undefined;
  /** What went wrong underneath. Logged, never sent. */
  cause?: unknown;
}

/** The error every layer throws to answer a client: a registered code and a message that says what to do next. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly channel: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly firstSeq: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.path = options.path;
    this.channel = options.channel;
    this.retryAfterMs = options.retryAfterMs;
    this.firstSeq = options.firstSeq;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** VALIDATION_FAILED for the first issue zod found, its path below `prefix`. */
export function validationError(error: z.ZodError, prefix = ''): AppError {
  const issue = error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const parts = [prefix, ...(issue?.path.map(String) ?? []), ...unknown].filter((part) => part !== '');
  const path = parts.join('.') || undefined;
  const message = issue ? `${path ?? 'the message'}: ${issue.message}` : 'the message is not valid';
  return new AppError('VALIDATION_FAILED', message, { path, cause: error });
}

/** The body of every HTTP error: RFC 9457 problem details with our members. */
export const problem = z
  .object({
    type: z.string().describe('Always `about:blank`: the code says what happened.'),
    title: z.string().describe('The same for every occurrence of the code.'),
    status: z.int().describe('The HTTP status.'),
    detail: z.string().describe('What went wrong here and what to do next, for people.'),
    code: errorCode,
    path: z.string().optional().describe('The field at fault, dotted: `data.usage.cost`.'),
    requestId: z.string().describe('The `x-request-id` of the request; name it when asking for help.'),
    retryAfterMs: z.int().optional().describe('How long to wait before the same request may succeed, in milliseconds.'),
    firstSeq: z.int().optional().describe('With RESUME_GAP: the first seq that is still there.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details, media type application/problem+json.' });
export type Problem = z.infer<typeof problem>;
