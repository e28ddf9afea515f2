import type { Database } from '@governsai/db';
import { Gauge, type Logger, Periodic } from '@governsai/service';

const INTERVAL_MS = 5 * 60 * 1000;

const keys = new Gauge({
  name: 'governsai_keys',
  help: 'API keys that are valid, of all orgs, by state: used (within the last day), unused.',
  labelNames: ['state'] as const,
});
const keysExpiring = new Gauge({
  name: 'governsai_keys_expiring',
  help: 'API keys used within the last week that end within the next one, of all orgs.',
});

/** Counts, now and then, the API keys in use and those of them that end soon. */
export function watchKeys(db: Database, log: Logger): Periodic {
  return new Periodic({
    name: 'keys',
    intervalMs: INTERVAL_MS,
    log,
    async run() {
      const [row] = await db.system.query<{ valid: number; used: number; expiring: number }>(
        `SELECT valid, used, keys_expiring('7 days') AS expiring FROM keys_in_use('1 day')`,
      );
      if (row === undefined) return;
      keys.set({ state: 'used' }, row.used);
      keys.set({ state: 'unused' }, row.valid - row.used);
      keysExpiring.set(row.expiring);
    },
  });
}
