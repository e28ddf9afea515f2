import { AppError } from '@governsai/contracts';

const RETRY_AFTER_MS = 1000;

/** UNAVAILABLE in the place of whatever a read of PostgreSQL threw. */
export async function orUnavailable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    throw new AppError('UNAVAILABLE', 'the database cannot be read now: subscribe again shortly', {
      retryAfterMs: RETRY_AFTER_MS,
      cause,
    });
  }
}
