import type { AccessChanged } from '@governsai/contracts';
import { type Database, outboxAppend, type Sql } from '@governsai/db';
import { type AuditEntry, type AuditSource, auditEvent } from '@governsai/service';
import { inOrg } from './reachable.ts';

/** What of an org's access a change concerns; the narrowest that is true. Empty: anything of the org. */
export interface Concerned {
  keyId?: string;
  userId?: string;
  sessionId?: string;
}

/** What a change has done, as the one who made it says. */
export interface Made<T> {
  result: T;
  /** For the audit log. Never a secret. */
  audit: readonly Omit<AuditEntry, 'orgId'>[];
  /** Whose credentials must be verified anew; absent: nobody's. */
  access?: Concerned | undefined;
}

/** Makes changes of who may do what: the change, its record in the audit log and the news of it in one transaction. */
export class Changes {
  readonly #db: Database;
  readonly #wake: () => void;

  /** @param wake called when events wait in the outbox. */
  constructor(db: Database, wake: () => void) {
    this.#db = db;
    this.#wake = wake;
  }

  /**
   * Whoever hears of the change finds it made, and no made change stays unheard.
   *
   * @param work makes the change, in the org's scope.
   * @throws AppError what `work` throws, and UNAVAILABLE while PostgreSQL does not answer.
   */
  async make<T>(source: AuditSource, orgId: string, work: (tx: Sql) => Promise<Made<T>>): Promise<T> {
    const result = await inOrg(this.#db, orgId, async (tx) => {
      const made = await work(tx);
      const events = made.audit.map((entry) => auditEvent(source, { ...entry, orgId }));
      await outboxAppend(tx, 'auth', events);
      if (made.access) await announce(tx, orgId, made.access);
      return made.result;
    });
    this.#wake();
    return result;
  }
}

/** Counts a change and announces it: the last thing a transaction does, because all changes of all orgs queue for this row. */
export async function announce(tx: Sql, orgId: string, concerned: Concerned): Promise<void> {
  // The queue also puts the outbox rows in the order of the versions.
  const [row] = await tx.query<{ version: number }>('UPDATE access_state SET version = version + 1 RETURNING version');
  if (!row) throw new Error('access_state has no row: run the migrations');
  const { keyId = null, ...rest } = concerned;
  const value: AccessChanged = { version: row.version, orgId, keyId, ...rest, at: new Date().toISOString() };
  await outboxAppend(tx, 'auth', [{ topic: 'access.changed', key: orgId, value }]);
}
