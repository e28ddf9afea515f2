import { announceAccessChange, type Concerned, type Database, outboxAppend, type Sql } from '@governsai/db';
import { type AuditEntry, type AuditSource, auditEvent } from '@governsai/service';
import { inOrg } from './reachable.ts';

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
      if (made.access) await announceAccessChange(tx, orgId, made.access);
      return made.result;
    });
    this.#wake();
    return result;
  }
}
