import type { Database } from '@governsai/db';
import { book } from '../books.ts';
import { databaseTime } from '../store/database-time.ts';
import { closeHolds, lockOverdueHolds } from '../store/holds.ts';

/** Holds that one transaction expires at most. */
const AT_ONCE = 200;

/**
 * Expires the holds of an org whose time is over, by the clock of the database, and gives back what they held; returns how
 * many. Safe with any number of callers: a hold that somebody else is closing is left to him.
 */
export async function expireHolds(db: Database, orgId: string): Promise<number> {
  for (let total = 0; ; ) {
    const expired = await expireSome(db, orgId);
    total += expired;
    if (expired < AT_ONCE) return total;
  }
}

function expireSome(db: Database, orgId: string): Promise<number> {
  return db.transaction([orgId], async (tx) => {
    const holds = await lockOverdueHolds(tx, orgId, AT_ONCE);
    if (holds.length === 0) return 0;
    const now = await databaseTime(tx);
    const postings = holds.flatMap(({ lines }) =>
      lines.map(({ budgetId, held }) => ({ budgetId, line: null, release: held })),
    );
    await closeHolds(
      tx,
      holds.map(({ id }) => id),
      'expired',
      new Date(now).toISOString(),
    );
    await book(tx, { postings }, now);
    return holds.length;
  });
}
