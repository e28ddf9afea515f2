import type { AccessChanged } from '@governsai/contracts';
import { outboxAppend } from './outbox.ts';
import type { Sql } from './sql.ts';

/** What of an org's access a change concerns; the narrowest that is true. Empty: anything of the org. */
export interface Concerned {
  keyId?: string;
  userId?: string;
  sessionId?: string;
}

/**
 * Counts a change of who may do what and announces it, in the transaction that makes it: whoever hears of it finds it made, and
 * none stays unheard. The last thing the transaction does, because all changes of all orgs queue for this row; the queue also
 * puts the outbox rows in the order of the versions.
 */
export async function announceAccessChange(tx: Sql, orgId: string, concerned: Concerned): Promise<void> {
  const [row] = await tx.query<{ version: number }>('UPDATE access_state SET version = version + 1 RETURNING version');
  if (!row) throw new Error('access_state has no row: run the migrations');
  const { keyId = null, ...rest } = concerned;
  const value: AccessChanged = { version: row.version, orgId, keyId, ...rest, at: new Date().toISOString() };
  await outboxAppend(tx, 'auth', [{ topic: 'access.changed', key: orgId, value }]);
}
