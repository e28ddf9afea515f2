import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger, register } from '@governsai/service';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SubmittedDecision } from '../chain.ts';
import { readDecisions } from '../reading.ts';
import { Recorder } from '../recorder.ts';
import { PolicyCache } from './cache.ts';
import { changePolicies } from './change.ts';
import { insertPolicy, type PolicyInput, removePolicy } from './store.ts';

let database: TestDatabase;
let db: Database;
let admin: Database;
let recorder: Recorder;
const source = { principal: null, req: {} };

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.appUrl, poolSize: 4, applicationName: 'test' });
  admin = createDatabase({ url: database.adminUrl, poolSize: 2, applicationName: 'test' });
  await admin.system.execute(`INSERT INTO organizations (id, name) VALUES ('acme', 'Acme')`);
  await admin.system.execute(
    `INSERT INTO users (id, email, name) VALUES ('owner', 'o@acme.example', 'O'), ('viewer', 'v@acme.example', 'V')`,
  );
  await admin.system.execute(
    `INSERT INTO memberships (org_id, user_id, role) VALUES ('acme', 'owner', 'owner'), ('acme', 'viewer', 'viewer')`,
  );
});

beforeEach(() => {
  register.clear();
  recorder = new Recorder(db, new PolicyCache(createLogger('test', 'silent')), () => {});
});

afterAll(async () => {
  await Promise.all([db?.close(), admin?.close()]);
  await database?.drop();
});

let key = 0;
async function record(data: Partial<SubmittedDecision['data']> = {}) {
  const id = `dec_${(key++).toString(16).padStart(32, '0')}`;
  const value: SubmittedDecision = {
    orgId: 'acme',
    decisionId: id,
    idempotencyKey: `key-${key}`,
    bodyHash: '0'.repeat(64),
    schema: 'decision.v1',
    data: { direction: 'precheck', decision: 'allow', tool: 'web.fetch', ...data },
    keyId: null,
    userId: null,
    receivedAt: new Date().toISOString(),
  };
  await recorder.record([{ value }]);
  return (await readDecisions(db, 'acme', 0, 1000, {})).find((stored) => stored.id === id);
}

const parts = () => ({ db, maxPolicies: 100, wake: () => {} });
const add = (id: string, input: Pick<PolicyInput, 'rules'> & Partial<PolicyInput>) =>
  changePolicies(parts(), source, 'acme', 'policy.create', async (tx, now) => ({
    policy: await insertPolicy(tx, 'acme', id, { name: id, enabled: true, ...input }, now),
    before: null,
  }));
const remove = (id: string) =>
  changePolicies(parts(), source, 'acme', 'policy.delete', async (tx) => ({
    policy: await removePolicy(tx, 'acme', id),
    before: null,
  }));

describe('policies at recording', () => {
  it('apply from the next batch, are part of the record, and stop with their removal', async () => {
    expect((await record())?.policy).toBeUndefined();
    await add('pol_1', { rules: { tools: { allow: ['web.*'] } } });
    expect((await record())?.policy).toMatchObject({ version: 1, matched: ['pol_1/tools.allow'], effect: 'allow' });
    expect((await record({ tool: 'db.read', decision: 'deny' }))?.policy).toMatchObject({ effect: 'deny' });
    await remove('pol_1');
    expect((await record())?.policy).toBeUndefined();
  });

  it('let the org stand over the user, and leave out what is not enabled', async () => {
    await add('pol_user', { userId: 'u1', rules: { tools: { deny: ['*'] } } });
    await add('pol_off', { enabled: false, rules: { tools: { deny: ['*'] } } });
    expect((await record({ userId: 'u1', decision: 'deny' }))?.policy).toMatchObject({
      matched: ['pol_user/tools.deny'],
    });
    expect((await record({ userId: 'u2' }))?.policy).toBeUndefined();
    await add('pol_org', { rules: { tools: { allow: ['web.*'] } } });
    expect((await record({ userId: 'u1' }))?.policy).toMatchObject({
      matched: ['pol_org/tools.allow'],
      effect: 'allow',
    });
    for (const id of ['pol_user', 'pol_off', 'pol_org']) await remove(id);
  });

  it('tell owners of a contradiction once a rule and hour, and never stop the recording', async () => {
    await add('pol_deny', { rules: { tools: { deny: ['shell.*'] } } });
    await add('pol_broken', { rules: { conditions: [{ name: 'broken', when: 'tags[3] == "x"', effect: 'deny' }] } });
    for (let i = 0; i < 3; i++) expect(await record({ tool: 'shell.exec' })).toBeDefined();
    await record({ tool: 'shell.exec', decision: 'block' });
    const rows = await admin.system.query<{ user_id: string; seq: number; kind: string; severity: string }>(
      'SELECT user_id, seq, kind, severity FROM notifications',
    );
    expect(rows).toEqual([{ user_id: 'owner', seq: 1, kind: 'policy.contradiction', severity: 'critical' }]);
    const outbox = await admin.system.query<{ topic: string }>(
      `SELECT topic FROM outbox WHERE topic = 'notifications.raised'`,
    );
    expect(outbox).toHaveLength(1);
  });
});
