import type { Database } from '@governsai/db';
import { closeBooks, openBooks } from '../books.ts';
import { databaseTime } from '../store/database-time.ts';

/**
 * Rolls the states of budgets over to the present period, makes those that are missing, and tells of them all. Does nothing
 * to one that somebody else has rolled over meanwhile but tell of it again.
 */
export async function openStates(db: Database, orgId: string, budgetIds: readonly string[]): Promise<void> {
  await db.transaction([orgId], async (tx) => {
    const now = await databaseTime(tx);
    const open = await openBooks(tx, budgetIds, now);
    const changed = open.map(({ budget, state }) => ({ budget, state: { ...state, version: state.version + 1 } }));
    await closeBooks(tx, changed, [], now);
  });
}
