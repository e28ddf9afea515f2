import type { Database } from '@governsai/db';
import { type Logger, Periodic } from '@governsai/service';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** Kept of one user at most, however young. */
const MAX_KEPT = 10_000;
/** Users in one statement. */
const AT_ONCE = 500;

export interface RetentionOptions {
  db: Database;
  log: Logger;
  /** Days that notifications are kept, read or not. */
  days: number;
}

/** Deletes once an hour what is past its time. Any number of replicas may do it at once. */
export function notificationRetention({ db, log, days }: RetentionOptions): Periodic {
  return new Periodic({
    name: 'notification retention',
    intervalMs: HOUR_MS,
    log,
    run: () => pruneNotifications(db, new Date(Date.now() - days * DAY_MS)),
  });
}

/** Deletes the notifications made before a time, and what is beyond the last 10,000 of a user. */
export async function pruneNotifications(db: Database, before: Date, keep = MAX_KEPT): Promise<void> {
  for (let users = AT_ONCE; users >= AT_ONCE; ) {
    const [row] = await db.system.query<{ users: number }>('SELECT prune_notifications($1, $2, $3) AS users', [
      before.toISOString(),
      keep,
      AT_ONCE,
    ]);
    users = row?.users ?? 0;
  }
}
