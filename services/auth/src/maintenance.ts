import { type Database, outboxAppend } from '@governsai/db';
import { auditEvent, type Logger } from '@governsai/service';

const DAY_MS = 24 * 60 * 60 * 1000;
const INTERVAL_MS = 60 * 60 * 1000;
const ORGS_AT_ONCE = 100;

export interface MaintenanceOptions {
  db: Database;
  /** Days that audit records are kept; 0: for ever. */
  auditRetentionDays: number;
  /** Called when events wait in the outbox. */
  wake: () => void;
  log: Logger;
}

/** Removes once an hour what is of no more use. Any number of replicas may do it at once. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#running ??= this.run().finally(() => {
        this.#running = undefined;
      });
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One round. Never rejects: the next one makes up for it. */
  async run(): Promise<void> {
    const { db, auditRetentionDays, log } = this.#options;
    try {
      await db.system.query('SELECT sweep_identity()');
      if (auditRetentionDays > 0) await this.#prune(new Date(Date.now() - auditRetentionDays * DAY_MS));
    } catch (error) {
      log.warn({ err: error }, 'what is of no more use could not be removed; the next round tries again');
    }
  }

  async #prune(before: Date): Promise<void> {
    const { db, wake } = this.#options;
    for (;;) {
      const pruned = await db.transaction([], async (tx) => {
        const orgs = await tx.query<{ orgId: string; pruned: number; firstSeq: number }>(
          'SELECT org_id AS "orgId", pruned, first_seq AS "firstSeq" FROM prune_audit_logs($1, $2)',
          [before.toISOString(), ORGS_AT_ONCE],
        );
        // The log says itself that it was cut, and where.
        const source = { principal: null, req: {} };
        const events = orgs.map(({ orgId, ...detail }) =>
          auditEvent(source, {
            orgId,
            action: 'audit.prune',
            target: null,
            detail: { ...detail, before: before.toISOString() },
          }),
        );
        await outboxAppend(tx, 'auth', events);
        return orgs.length;
      });
      if (pruned > 0) wake();
      if (pruned < ORGS_AT_ONCE) return;
    }
  }
}
