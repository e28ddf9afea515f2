import { AppError } from '@governsai/contracts';

const RETRY_AFTER_MS = 1000;

/** UNAVAILABLE in the place of whatever PostgreSQL threw. */
export async function orUnavailable<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (cause) {
    throw new AppError('UNAVAILABLE', 'the database does not answer now: try again shortly', {
      retryAfterMs: RETRY_AFTER_MS,
      cause,
    });
  }
}
