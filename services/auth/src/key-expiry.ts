import type { Database } from '@governsai/db';
import { Gauge, type Logger, Periodic } from '@governsai/service';

const INTERVAL_MS = 5 * 60 * 1000;

const keysExpiring = new Gauge({
  name: 'governsai_keys_expiring',
  help: 'API keys used within the last week that end within the next one, of all orgs.',
});

/** Counts, now and then, the API keys in use that end soon. */
export function watchKeyExpiry(db: Database, log: Logger): Periodic {
  return new Periodic({
    name: 'key expiry',
    intervalMs: INTERVAL_MS,
    log,
    async run() {
      const [row] = await db.system.query<{ count: number }>(`SELECT keys_expiring('7 days') AS count`);
      keysExpiring.set(row?.count ?? 0);
    },
  });
}
