import type { Sql } from '@governsai/db';

/** The time by the database, in milliseconds since the epoch: the one clock of all trackers. */
export async function databaseTime(tx: Sql): Promise<number> {
  const [row] = await tx.query<{ now: string }>('SELECT clock_timestamp() AS now');
  if (row === undefined) throw new Error('the database did not say what time it is');
  return Date.parse(row.now);
}
