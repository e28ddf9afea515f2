import { createHash } from 'node:crypto';
import { SCOPES } from '@governsai/contracts';
import type { Database } from '@governsai/db';

/** An org under load, and the key that may do everything in it. */
export interface ChaosOrg {
  id: string;
  key: string;
  /** Decisions that somebody was told are kept, since the beginning. */
  acked: number;
}

/** Makes orgs with a key and a budget of their own, as an operator would have before the load begins. */
export async function makeOrgs(admin: Database, count: number): Promise<ChaosOrg[]> {
  const orgs = Array.from({ length: count }, (_, i) => ({
    id: `chaos-${i + 1}`,
    key: `gai_demo_chaos-${i + 1}_${'0'.repeat(25)}`,
    acked: 0,
  }));
  for (const { id, key } of orgs) {
    await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [id]);
    await admin.system.execute(
      `INSERT INTO api_keys (id, org_id, name, prefix, key_hash, scopes) VALUES ($1, $2, 'chaos', 'gai_demo_cha', $3, $4)`,
      [`key-${id}`, id, createHash('sha256').update(key).digest('hex'), SCOPES],
    );
    await admin.system.execute(
      `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, hard)
       VALUES ($1, $2, 'chaos', 1000000, 'currency', 'USD', 'total', false)`,
      [`bud-${id}`, id],
    );
  }
  return orgs;
}
