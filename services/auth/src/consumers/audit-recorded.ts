import type { AuditRecorded } from '@governsai/contracts';
import { type Database, isDataError } from '@governsai/db';
import { type ConsumedBatch, PoisonError } from '@governsai/kafka';

// By id, so that a message that comes twice is stored once.
const INSERT = `
  INSERT INTO audit_logs (org_id, id, actor, action, target, result, ip, detail, at)
  SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
    $9::timestamptz[])
  ON CONFLICT (org_id, id) DO NOTHING`;

/** Stores the audit records of a batch. */
export function auditRecordedConsumer(db: Database) {
  return async ({ messages }: ConsumedBatch<'audit.recorded'>): Promise<void> => {
    const records = messages.map(({ value }) => value);
    const column = <K extends keyof AuditRecorded>(name: K) => records.map((record) => record[name]);
    const json = (name: 'actor' | 'detail') => records.map((record) => JSON.stringify(record[name]));
    try {
      await db.transaction([...new Set(column('orgId'))], (tx) =>
        tx.execute(INSERT, [
          column('orgId'),
          column('id'),
          json('actor'),
          column('action'),
          column('target'),
          column('result'),
          column('ip'),
          json('detail'),
          column('at'),
        ]),
      );
    } catch (error) {
      if (isDataError(error)) throw new PoisonError('refused by the database', { cause: error });
      throw error;
    }
  };
}
