import type { AuditRecorded } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import { addKeyUsage, type KeyUse } from './keys/usage.ts';
import { reachable } from './reachable.ts';

/** Stores what services report of the credentials they saw. */
export class AccessReports {
  readonly #db: Database;
  readonly #wake: () => void;

  /** @param wake called when events wait in the outbox. */
  constructor(db: Database, wake: () => void) {
    this.#db = db;
    this.#wake = wake;
  }

  /**
   * Counts uses and hands authentications on to the audit log. A report that comes twice counts its uses twice; an
   * authentication is stored once.
   *
   * @throws AppError UNAVAILABLE while PostgreSQL does not answer: report again.
   */
  async take(usage: readonly KeyUse[], authentications: readonly AuditRecorded[]): Promise<void> {
    if (authentications.length > 0) {
      const events = authentications.map((value) => ({ topic: 'audit.recorded' as const, key: value.orgId, value }));
      await reachable(() => this.#db.transaction([], (tx) => outboxAppend(tx, 'auth', events)));
      this.#wake();
    }
    await reachable(() => addKeyUsage(this.#db, usage));
  }
}
