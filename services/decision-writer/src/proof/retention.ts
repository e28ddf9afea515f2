import type { Database } from '@governsai/db';

const ORGS_A_ROUND = 100;
// Decisions pruned in one transaction, which holds the org's chain head: recording waits for it.
const PRUNED_AT_ONCE = 1000;

/** Prunes decisions that are past their org's retention, as far as it is safe to. Returns how many. */
export async function pruneDecisions(db: Database): Promise<number> {
  const orgs = await db.system.query<{ org_id: string }>('SELECT org_id FROM orgs_to_prune($1)', [ORGS_A_ROUND]);
  let pruned = 0;
  for (const { org_id: orgId } of orgs) {
    for (;;) {
      const [row] = await db.system.query<{ count: number }>('SELECT prune_decisions($1, $2) AS count', [
        orgId,
        PRUNED_AT_ONCE,
      ]);
      pruned += row?.count ?? 0;
      if ((row?.count ?? 0) < PRUNED_AT_ONCE) break;
    }
  }
  return pruned;
}
