import type { ServiceName, TopicName } from '@governsai/contracts';
import type { Database } from './database.ts';
import type { Sql } from './sql.ts';

/** An event that a transaction causes. */
export interface OutboxEvent {
  topic: TopicName;
  key: string;
  /** Any JSON value. */
  value: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** An event on its way to Kafka. */
export interface OutboxRow extends Required<OutboxEvent> {
  /** Grows in the order of appending. */
  id: number;
  /** RFC 3339 UTC. */
  createdAt: string;
}

/**
 * Appends events to the service's outbox, to be published once `tx` commits and never if it does not. They are published in
 * the order of appending; two transactions whose order matters must be ordered by a row lock taken before they append.
 */
export async function outboxAppend(tx: Sql, service: ServiceName, events: readonly OutboxEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx.execute(
    `INSERT INTO outbox (service, topic, key, value, headers)
     SELECT $1, topic, key, value, headers
     FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::jsonb[]) WITH ORDINALITY AS e(topic, key, value, headers, place)
     ORDER BY place`,
    [
      service,
      events.map((event) => event.topic),
      events.map((event) => event.key),
      events.map((event) => JSON.stringify(event.value)),
      events.map((event) => JSON.stringify(event.headers ?? {})),
    ],
  );
}

/** The outbox as the relay to Kafka sees it. */
export class OutboxStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Hands the service's oldest events, at most `limit`, to `publish` and deletes them once it has resolved; returns how many.
   * 0 when there are none, or another process relays this service's right now: one at a time, so that the order holds. When
   * `publish` rejects, all stay and the error is rethrown; a crash after publishing repeats them. `publish` must settle well
   * within a minute, the longest a transaction may be idle.
   */
  async relay(service: ServiceName, limit: number, publish: (rows: OutboxRow[]) => Promise<void>): Promise<number> {
    // Mostly there is nothing: one round trip then.
    const [pending] = await this.#db.system.query('SELECT 1 FROM outbox WHERE service = $1 LIMIT 1', [service]);
    if (!pending) return 0;
    return this.#db.transaction([], async (tx) => {
      const [lock] = await tx.query<{ mine: boolean }>(
        `SELECT pg_try_advisory_xact_lock(hashtextextended('governsai.outbox.' || $1, 0)) AS mine`,
        [service],
      );
      if (!lock?.mine) return 0;
      const rows = await tx.query<OutboxRow>(
        `SELECT id, topic, key, value, headers, created_at AS "createdAt" FROM outbox WHERE service = $1 ORDER BY id LIMIT $2`,
        [service, limit],
      );
      if (rows.length === 0) return 0;
      await publish(rows);
      // By id, not up to one: a transaction that drew a lower id may commit in between.
      return tx.execute('DELETE FROM outbox WHERE id = ANY($1::bigint[])', [rows.map((row) => row.id)]);
    });
  }
}
