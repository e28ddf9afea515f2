import type { Database, Sql } from '@governsai/db';
import { ERASED_BODY } from '../plan.ts';

// Decisions looked through in one transaction.
const PAGE = 10_000;

// What was written about the person goes as well.
const ERASE = `
  WITH erased AS (
    UPDATE decisions SET person = NULL, person_salt = NULL, body_hash = $5
    WHERE org_id = $1 AND seq > $2 AND seq <= $3 AND $4 IN (person->>'userId', person->>'authUserId', person->>'keyUserId')
    RETURNING id
  ), raw AS (
    DELETE FROM raw_texts WHERE org_id = $1 AND decision_id IN (SELECT id FROM erased)
  )
  SELECT count(*) AS count FROM erased`;

/**
 * Erases what is kept of a person from every decision of the org that names them, and the salts and raw texts with it: what is left of
 * them in the chain is a hash nobody can test a guess against. A record's other persons go with them, because one hash
 * covers all; so does the hash of its body, against which they could be guessed. `last` runs in the transaction that erases the last of them. Returns how many decisions named the person.
 */
export async function erasePersonOf(
  db: Database,
  orgId: string,
  userId: string,
  last: (tx: Sql, erased: number) => Promise<void>,
): Promise<number> {
  let erased = 0;
  for (let after = 0; ; after += PAGE) {
    const done = await db.transaction([orgId], async (tx) => {
      const [page] = await tx.query<{ count: number }>(ERASE, [orgId, after, after + PAGE, userId, ERASED_BODY]);
      erased += page?.count ?? 0;
      // Read after the page: what is recorded later than this names the person anew, and is not ours to erase.
      const [head] = await tx.query<{ last_seq: number }>('SELECT last_seq FROM org_chains WHERE org_id = $1', [orgId]);
      if ((head?.last_seq ?? 0) > after + PAGE) return false;
      await last(tx, erased);
      return true;
    });
    if (done) return erased;
  }
}
