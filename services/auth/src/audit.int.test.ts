import { createHash } from 'node:crypto';
import { type AuditItem, canonicalJson, SCOPES } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Maintenance } from './maintenance.ts';
import { eventually, startTestAuth, type TestAuth } from './testing.ts';

const AUDIT = '/v1/orgs/acme/audit';
let auth: TestAuth;
/** As the owner of the tables: whoever can write to the database past the services. */
let owner: Database;
let admin: string;

beforeAll(async () => {
  auth = await startTestAuth();
  owner = createDatabase({ url: auth.adminUrl, poolSize: 1, applicationName: 'auth-test-owner' });
  await auth.addOrg('acme');
  await auth.addOrg('globex');
  admin = await auth.addKey('acme', SCOPES, { id: 'key-admin' });
});
afterAll(async () => {
  await owner.close();
  await auth.stop();
});

const get = (path: string, as = admin) => auth.call('GET', AUDIT + path, { as });
const list = async (query = ''): Promise<AuditItem[]> => (await get(query)).body.items;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
/** Makes `count` keys and waits until all is recorded. */
async function makeKeys(count: number, name: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    await auth.call('POST', '/v1/orgs/acme/keys', { as: admin, body: { name, scopes: ['decisions:read'] } });
  }
  await eventually(async () => {
    const named = (await list('?action=key.create&limit=1000')).filter(
      ({ detail }) => (detail.after as { name: string }).name === name,
    );
    expect(named).toHaveLength(count);
  });
}

describe('the audit log', () => {
  it('says who did what to what, from where, and what was before and after, without the secret', async () => {
    const { body: made } = await auth.call('POST', '/v1/orgs/acme/keys', {
      as: admin,
      body: { name: 'first', scopes: ['decisions:read'] },
    });
    await auth.call('PATCH', `/v1/orgs/acme/keys/${made.id}`, { as: admin, body: { name: 'second' } });
    const [record] = await eventually(async () => {
      const found = await list(`?action=key.update&target=${made.id}`);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(record).toMatchObject({
      actor: { userId: null, keyId: 'key-admin', service: null },
      action: 'key.update',
      target: made.id,
      result: 'ok',
      ip: '127.0.0.1',
      detail: { before: { name: 'first' }, after: { name: 'second' } },
    });
    expect((await get('?limit=1000')).text).not.toContain(made.key.slice(12));
  });

  it('tells of a credential that was let in once a connection, and of every kind of refusal', async () => {
    const revoked = await auth.addKey('acme', ['decisions:read'], { id: 'key-gone' });
    await auth.call('DELETE', '/v1/orgs/acme/keys/key-gone', { as: admin });
    for (let i = 0; i < 3; i++) await auth.call('GET', '/v1/orgs', { as: revoked });
    await eventually(async () => {
      expect(await list('?action=auth.refused&actor=key-gone')).toMatchObject(
        Array(3).fill({ result: 'refused', detail: { by: 'http', reason: 'AUTH_FAILED' } }),
      );
      expect((await list('?action=auth.ok&actor=key-admin')).length).toBeGreaterThan(0);
    });
  });

  it('is filtered and paged, newest first', async () => {
    await makeKeys(5, 'paged');
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await get(`?action=key.*&result=ok&limit=2${cursor && `&cursor=${cursor}`}`);
      for (const item of body.items as AuditItem[]) {
        expect(item.action).toMatch(/^key\./);
        seen.push(item.seq);
      }
      cursor = body.next;
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a));
    const [newest] = await list('?limit=1');
    expect(await list(`?from=${newest?.at}`)).toContainEqual(newest);
    expect(await list('?to=2020-01-01T00:00:00Z')).toEqual([]);
  });

  it('is one hash chain, which whoever has the export checks without us', async () => {
    await makeKeys(3, 'exported');
    const lines = (await get('/export')).text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    let prevHash = '0'.repeat(64);
    lines.forEach(({ record, hash }, index) => {
      expect(sha256(record)).toBe(hash);
      const link = JSON.parse(record);
      expect(canonicalJson(link)).toBe(record);
      expect(link).toMatchObject({ v: 1, orgId: 'acme', seq: index + 1, prevHash });
      prevHash = hash;
    });
    await eventually(async () => expect((await list('?action=audit.export')).length).toBeGreaterThan(0));
  });

  it('is verified as it is stored, which is audited too', async () => {
    const { body } = await get('/verify');
    expect(body).toMatchObject({ valid: true, firstSeq: 1, checked: expect.any(Number) });
    await eventually(async () =>
      expect(await list('?action=audit.verify')).toMatchObject([{ detail: { valid: true } }]),
    );
  });

  it('G6: is each org its own', async () => {
    const foreign = await auth.addKey('globex', SCOPES);
    expect((await get('', foreign)).body.code).toBe('FORBIDDEN');
    const own = await auth.call('GET', '/v1/orgs/globex/audit', { as: foreign });
    for (const item of own.body.items as AuditItem[]) expect(item.orgId).toBe('globex');
  });

  it.each([
    [
      'a changed record',
      `UPDATE audit_logs SET record = replace(record, '"v":1', '"v":2') WHERE org_id = 'acme' AND seq = 4`,
      4,
    ],
    ['a changed column', `UPDATE audit_logs SET action = 'nothing' WHERE org_id = 'acme' AND seq = 3`, 3],
    ['a removed record', `DELETE FROM audit_logs WHERE org_id = 'acme' AND seq = 2`, 2],
    [
      'a removed end',
      `DELETE FROM audit_logs WHERE org_id = 'acme' AND seq = (SELECT max(seq) FROM kept WHERE org_id = 'acme')`,
      null,
    ],
    [
      'two records swapped',
      `UPDATE audit_logs SET seq = 11 - seq + 1000000 WHERE org_id = 'acme' AND seq IN (5, 6);
       UPDATE audit_logs SET seq = seq - 1000000 WHERE org_id = 'acme' AND seq > 1000000`,
      5,
    ],
  ])('shows %s', async (_what, tamper, at) => {
    // What is recorded from here on is in no copy, so nothing but what is in the copy is tampered with.
    await owner.system.execute('CREATE TABLE kept AS SELECT * FROM audit_logs');
    try {
      for (const statement of tamper.split(';')) await owner.system.execute(statement);
      const { body } = await get('/verify');
      expect(body).toMatchObject({
        valid: false,
        firstBroken: { seq: at ?? expect.any(Number), message: expect.any(String) },
      });
    } finally {
      // What was recorded meanwhile stays.
      await owner.system.execute(`DELETE FROM audit_logs l USING kept k WHERE l.org_id = k.org_id AND l.id = k.id`);
      await owner.system.execute('INSERT INTO audit_logs SELECT * FROM kept');
      await owner.system.execute('DROP TABLE kept');
    }
    expect((await get('/verify')).body.valid).toBe(true);
  });

  it('cannot be changed by the services’ own role', async () => {
    for (const statement of ['UPDATE audit_logs SET result = result', 'DELETE FROM audit_logs']) {
      await expect(auth.db.transaction(['acme'], (tx) => tx.execute(statement))).rejects.toThrow(/permission denied/);
    }
  });

  it('is pruned after its time, never of the last 30 days, says so, and still verifies', async () => {
    await owner.system.execute(
      `UPDATE audit_logs SET recorded_at = recorded_at - interval '100 days' WHERE org_id = 'acme' AND seq <= 5`,
    );
    const maintenance = new Maintenance({
      db: auth.db,
      auditRetentionDays: 1,
      wake: () => {},
      log: createLogger('auth', 'silent'),
    });
    await maintenance.run();
    const { body } = await get('/verify');
    expect(body).toMatchObject({ valid: true, firstSeq: 6 });
    await eventually(async () =>
      expect(await list('?action=audit.prune')).toMatchObject([{ detail: { pruned: 5, firstSeq: 6 } }]),
    );
    await maintenance.run();
    expect((await get('/verify')).body.firstSeq).toBe(6);
  });
});
