import { AppError } from '@governsai/contracts';
import { type Database, isTransient, type Sql } from '@governsai/db';

const RETRY_AFTER_MS = 1000;

/** Runs a request's transaction, scoped to its org. Throws UNAVAILABLE when the database cannot answer now. */
export async function inOrg<T>(db: Database, orgId: string, work: (tx: Sql) => Promise<T>): Promise<T> {
  try {
    return await db.transaction([orgId], work);
  } catch (error) {
    if (!isTransient(error)) throw error;
    throw new AppError('UNAVAILABLE', 'the database does not answer now: retry shortly', {
      retryAfterMs: RETRY_AFTER_MS,
      cause: error,
    });
  }
}
