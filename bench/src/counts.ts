import type { Database } from '@governsai/db';

/** What the system has done so far for the orgs whose ids begin so, as its tables say. */
export interface Counts {
  stored: number;
  published: number;
  counted: number;
}

export async function countsOf(admin: Database, prefix: string): Promise<Counts> {
  const [row] = await admin.system.query<Counts>(
    `SELECT coalesce(sum(last_seq), 0)::bigint AS stored, coalesce(sum(published_seq), 0)::bigint AS published,
       (SELECT coalesce(sum(seq), 0)::bigint FROM tracker_cursors WHERE org_id LIKE $1 || '%') AS counted
     FROM org_chains WHERE org_id LIKE $1 || '%'`,
    [prefix],
  );
  return row ?? { stored: 0, published: 0, counted: 0 };
}
