import { AppError, ERRORS, type Problem } from '@governsai/contracts';
import type { Response } from 'express';

/** What express and its body parser throw: an Error with a status and, from the body parser, a type. */
interface HttpError {
  type?: unknown;
  status?: unknown;
}

/** Turns whatever was thrown into an error a client may see; unknown ones become INTERNAL, with the original as cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { type, status } = (error ?? {}) as HttpError;
  switch (type) {
    case 'entity.too.large':
      return new AppError('PAYLOAD_TOO_LARGE', 'The body is too large; send less at once.', { cause: error });
    case 'entity.parse.failed':
      return new AppError('VALIDATION_FAILED', 'The body is not JSON; send one JSON value in UTF-8.', { cause: error });
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new AppError(
        'VALIDATION_FAILED',
        'The body has an encoding this server does not read; send UTF-8, plain or gzip.',
        { cause: error },
      );
    default:
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('VALIDATION_FAILED', 'The request cannot be read; check the URL and the body.', {
      cause: error,
    });
  }
  return new AppError('INTERNAL', 'Something failed on our side; try again, and report the requestId if it stays.', {
    cause: error,
  });
}

/** An error as problem details (RFC 9457). */
export function problemOf(error: AppError, requestId: string): Problem {
  return {
    type: 'about:blank',
    title: ERRORS[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.path === undefined ? {} : { path: error.path }),
    requestId,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.firstSeq === undefined ? {} : { firstSeq: error.firstSeq }),
  };
}

/** Answers with problem details. */
export function sendProblem(res: Response, error: AppError, requestId: string): void {
  if (error.status === 401) res.setHeader('www-authenticate', 'Bearer');
  if (error.retryAfterMs !== undefined) res.setHeader('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
  res.status(error.status).setHeader('content-type', 'application/problem+json');
  res.end(JSON.stringify(problemOf(error, requestId)));
}
