import type { ServerError, ServerErrorCode } from './messages.ts';

/** Codes of errors that arise here, not at the server. */
export type LocalErrorCode =
  /** `connect` was given something it cannot use. */
  | 'INVALID_OPTIONS'
  /** The connection could not be made, or was lost. Only ever a cause, or told by `onState`: the client tries again. */
  | 'CONNECTION_LOST'
  /** As many messages wait as the local queue takes. */
  | 'QUEUE_FULL'
  /** The client was closed before an answer came. */
  | 'CLOSED';

export type ErrorCode = ServerErrorCode | LocalErrorCode;

export interface GovernsaiErrorOptions {
  cause?: unknown;
  path?: string | undefined;
  channel?: string | undefined;
  id?: string | undefined;
  retryAfterMs?: number | undefined;
}

/** Every error of this package, `code` for programs and `message` for people. Abort reasons are passed on as they are. */
export class GovernsaiError extends Error {
  override readonly name: string = 'GovernsaiError';
  readonly code: ErrorCode;
  /** The field at fault, dotted: `data.usage.cost`. */
  readonly path: string | undefined;
  /** The channel at fault. */
  readonly channel: string | undefined;
  /**
   * The idempotency key or the hold that it is about. A message that failed with `CLOSED`, or with a lost credential, may have
   * been recorded all the same: to be sure send it again with this key, which counts once.
   */
  readonly id: string | undefined;
  /** How long to wait before the same may succeed, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: GovernsaiErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.path = options.path;
    this.channel = options.channel;
    this.id = options.id;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The credential is wrong, revoked or expired: the client has closed. Connect again with another one. */
export class AuthenticationError extends GovernsaiError {
  override readonly name = 'AuthenticationError';
}

/** What follows the last seq seen has been pruned by retention; what remains begins with `firstSeq`. */
export class ResumeGapError extends GovernsaiError {
  override readonly name = 'ResumeGapError';
  /** The first seq still there: `since: firstSeq - 1` goes on from it. */
  readonly firstSeq: number;

  constructor(message: string, firstSeq: number, options: GovernsaiErrorOptions = {}) {
    super('RESUME_GAP', message, options);
    this.firstSeq = firstSeq;
  }
}

/** The local queue is full: the connection is slower than the caller, or away. */
export class QueueFullError extends GovernsaiError {
  override readonly name = 'QueueFullError';

  constructor(messages: number, bytes: number) {
    super(
      'QUEUE_FULL',
      `${messages} messages of ${bytes} bytes wait for their ACK, which is as much as the queue takes: retry later, wait with whenFull: 'wait', or raise maxQueuedMessages or maxQueuedBytes`,
    );
  }
}

/** The error class that belongs to what the server said. */
export function errorOf({ code, message, path, channel, id, retryAfterMs, firstSeq }: ServerError): GovernsaiError {
  const options = { path, channel, id, retryAfterMs };
  if (code === 'AUTH_FAILED' || code === 'AUTH_EXPIRED') return new AuthenticationError(code, message, options);
  if (code === 'RESUME_GAP' && firstSeq !== undefined) return new ResumeGapError(message, firstSeq, options);
  return new GovernsaiError(code, message, options);
}

/** The same error for one of several operations that it ends, with the operation's own stack and id. */
export function becauseOf(error: GovernsaiError, id: string | undefined): GovernsaiError {
  const options = { cause: error, id, path: error.path, retryAfterMs: error.retryAfterMs };
  if (error instanceof AuthenticationError) return new AuthenticationError(error.code, error.message, options);
  return new GovernsaiError(error.code, error.message, options);
}

/** Whether the same may succeed later without a change. */
export function isRetryable(code: ErrorCode): boolean {
  return code === 'RATE_LIMITED' || code === 'UNAVAILABLE';
}
