import type { AccessChanged } from '@governsai/contracts';
import { type Database, outboxAppend, type Sql } from '@governsai/db';

/**
 * Makes a change of who may do what in an org, and announces it, in one transaction: whoever hears of the change finds it
 * made, and no made change stays unheard.
 *
 * @param keyId the key that is changed; null when anything of the org may be (a member, a suspension).
 * @param change makes the change, in the org's scope.
 * @returns what `change` returns. Wake the outbox relay afterwards, so that it is heard at once.
 */
export async function changeAccess<T>(
  db: Database,
  orgId: string,
  keyId: string | null,
  change: (tx: Sql) => Promise<T>,
): Promise<T> {
  return db.transaction([orgId], async (tx) => {
    const result = await change(tx);
    // Last, because all changes of all orgs queue for this row; the queue also puts their outbox rows in order.
    const [row] = await tx.query<{ version: number }>(
      'UPDATE access_state SET version = version + 1 RETURNING version',
    );
    if (!row) throw new Error('access_state has no row: run the migrations');
    const event: AccessChanged = { version: row.version, orgId, keyId, at: new Date().toISOString() };
    await outboxAppend(tx, 'auth', [{ topic: 'access.changed', key: orgId, value: event }]);
    return result;
  });
}
