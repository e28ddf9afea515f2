import type { Database } from '@governsai/db';
import { countLeftBehind } from './metrics.ts';
import type { Publisher } from './publisher.ts';

// Orgs taken up in one round; the next round takes the next ones.
const ORGS_A_ROUND = 100;

/**
 * Publishes what a writer stored but did not live to publish, for orgs that no new message brings back. Returns how many
 * orgs were behind.
 */
export async function publishLeftBehind(db: Database, publisher: Publisher): Promise<number> {
  const behind = await db.system.query<{ org_id: string; published_seq: number; last_seq: number }>(
    'SELECT org_id, published_seq, last_seq FROM orgs_to_publish($1)',
    [ORGS_A_ROUND],
  );
  countLeftBehind(behind.length);
  await publisher.publish(
    behind.map((row) => ({ orgId: row.org_id, publishedSeq: row.published_seq, lastSeq: row.last_seq, links: [] })),
  );
  return behind.length;
}
