import { AppError } from '@governsai/contracts';
import { type Database, isTransient, type Sql } from '@governsai/db';

const RETRY_AFTER_MS = 1000;

/** Runs what asks PostgreSQL. Throws UNAVAILABLE with `message` while it does not answer. */
export async function reachable<T>(
  work: () => Promise<T>,
  message = 'the database does not answer now: retry shortly',
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isTransient(error)) throw error;
    throw new AppError('UNAVAILABLE', message, { retryAfterMs: RETRY_AFTER_MS, cause: error });
  }
}

/** Runs a transaction scoped to one org. Throws UNAVAILABLE while PostgreSQL does not answer. */
export function inOrg<T>(db: Database, orgId: string, work: (tx: Sql) => Promise<T>): Promise<T> {
  return reachable(() => db.transaction([orgId], work));
}
