import { randomBytes } from 'node:crypto';
import type { AuditRecorded } from '@governsai/contracts';
import { createDatabase, type Database, outboxAppend, type Sql } from '@governsai/db';
import { databaseEnv, loadConfig } from '@governsai/service';
import { readStackFile } from '../stack-file.ts';

/** Appends what an operator did to the audit log of an org, in the transaction that does it. Never a secret. */
export async function audit(tx: Sql, org: string, action: string, target: string, detail: object): Promise<void> {
  const value: AuditRecorded = {
    id: randomBytes(16).toString('hex'),
    orgId: org,
    actor: { userId: null, keyId: null, service: 'admin' },
    action,
    target,
    result: 'ok',
    ip: null,
    detail: { ...detail },
    at: new Date().toISOString(),
  };
  await outboxAppend(tx, 'auth', [{ topic: 'audit.recorded', key: org, value }]);
}

/** Runs work on the database of DATABASE_URL; without one, on that of the local stack. */
export async function withDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const local = process.env.DATABASE_URL || process.env.DATABASE_URL_FILE ? undefined : readStackFile();
  const env = local ? { ...process.env, DATABASE_URL: local.databaseUrl } : process.env;
  const { DATABASE_URL: url } = loadConfig(databaseEnv.pick({ DATABASE_URL: true }), env);
  const db = createDatabase({ url, poolSize: 1, applicationName: 'admin' });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}
