import type { Database } from '@governsai/db';

/** How often a key was used since the last report. */
export interface KeyUse {
  orgId: string;
  keyId: string;
  uses: number;
  /** RFC 3339 UTC. */
  lastUsedAt: string;
}

// In the order of the key, so that two reports at once never wait for each other in a circle.
const ADD = `
  INSERT INTO key_usage AS k (org_id, key_id, day, uses, last_used_at)
  SELECT org_id, key_id, (max(last_used_at) AT TIME ZONE 'UTC')::date, sum(uses), max(last_used_at)
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS u(org_id, key_id, uses, last_used_at)
  GROUP BY org_id, key_id ORDER BY org_id, key_id
  ON CONFLICT (org_id, key_id, day)
    DO UPDATE SET uses = k.uses + EXCLUDED.uses, last_used_at = greatest(k.last_used_at, EXCLUDED.last_used_at)`;

/** Adds what services report: one statement for all keys. */
export async function addKeyUsage(db: Database, items: readonly KeyUse[]): Promise<void> {
  if (items.length === 0) return;
  await db.transaction([...new Set(items.map((item) => item.orgId))], (tx) =>
    tx.execute(ADD, [
      items.map((item) => item.orgId),
      items.map((item) => item.keyId),
      items.map((item) => item.uses),
      items.map((item) => item.lastUsedAt),
    ]),
  );
}
