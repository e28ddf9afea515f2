import { hash } from 'node:crypto';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import type { SubmittedDecision } from '../chain.ts';
import { PolicyCache } from '../policies/cache.ts';
import { Recorder, type RecordOutcome } from '../recorder.ts';

/** A database of a test's own, and chains in it as the writer records them. */
export interface ProofBench {
  /** As the services reach it. */
  db: Database;
  /** As a superuser does, whom no wall holds. */
  admin: Database;
  /** An org of a test's own with `count` decisions, each of a user of its own. */
  orgWith(count: number): Promise<string>;
  /** Records decisions `from` to `from + count - 1`. */
  append(orgId: string, from: number, count: number): Promise<RecordOutcome<unknown>>;
  drop(): Promise<void>;
}

export async function createProofBench(): Promise<ProofBench> {
  const database = await createTestDatabase();
  const db = createDatabase({ url: database.appUrl, poolSize: 4, applicationName: 'test' });
  const admin = createDatabase({ url: database.adminUrl, poolSize: 2, applicationName: 'test' });
  const recorder = new Recorder(db, new PolicyCache(createLogger('test', 'silent')), () => {});
  let orgs = 0;
  const bench: ProofBench = {
    db,
    admin,
    async orgWith(count) {
      const orgId = `org-${orgs++}`;
      await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [orgId]);
      await bench.append(orgId, 1, count);
      return orgId;
    },
    append: (orgId, from, count) =>
      recorder.record(Array.from({ length: count }, (_, i) => ({ value: submission(orgId, from + i) }))),
    async drop() {
      await Promise.all([db.close(), admin.close()]);
      await database.drop();
    },
  };
  return bench;
}

/** Ids are spread as real ones are: with ids counted up, one byte off is often the id of another decision. */
function submission(orgId: string, n: number): SubmittedDecision {
  return {
    orgId,
    decisionId: `dec_${hash('sha256', `${orgId} ${n}`).slice(0, 32)}`,
    idempotencyKey: `key-${n}`,
    bodyHash: n.toString(16).padStart(64, '0'),
    schema: 'decision.v1',
    data: {
      direction: 'precheck',
      decision: 'allow',
      tool: `tool-${n}`,
      tags: ['a'],
      userId: `user-${n}`,
      correlationId: `c-${n}`,
    },
    keyId: 'key',
    userId: null,
    receivedAt: new Date().toISOString(),
  };
}
