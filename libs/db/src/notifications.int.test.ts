import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type Database } from './database.ts';
import { membersWithRoles, storeNotifications, type WantedNotification } from './notifications.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

const AT = '2026-03-04T05:06:07.000Z';
let test: TestDatabase;
let admin: Database;
let db: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  admin = createDatabase({ url: test.adminUrl, poolSize: 1, applicationName: 'test' });
  // Many wait for few connections, on a machine that may be slow.
  db = createDatabase({ url: test.appUrl, poolSize: 4, applicationName: 'test', connectTimeoutMs: 60_000 });
});

afterAll(async () => {
  await db?.close();
  await admin?.close();
  await test?.drop();
});

function wanted(orgId: string, userId: string, id: string): WantedNotification {
  const told = { title: 'T', body: 'B', data: { budgetId: 'b1' } };
  return { orgId, userId, id: `${orgId}-${id}`, kind: 'budget.threshold', severity: 'info', ...told };
}

const store = (...all: WantedNotification[]) =>
  db.transaction([...new Set(all.map(({ orgId }) => orgId))].sort(), (tx) => storeNotifications(tx, all, AT));

describe('notifications', () => {
  it('get the next seqs of their user, in the order given, and are returned as events', async () => {
    await store(wanted('order', 'u1', 'a'));
    const raised = await store(wanted('order', 'u1', 'b'), wanted('order', 'u2', 'c'), wanted('order', 'u1', 'd'));
    expect(raised.map(({ userId, seq, notification }) => [userId, seq, notification.id])).toEqual([
      ['u1', 2, 'order-b'],
      ['u2', 1, 'order-c'],
      ['u1', 3, 'order-d'],
    ]);
    expect(raised[0]?.notification).toEqual({
      id: 'order-b',
      kind: 'budget.threshold',
      severity: 'info',
      title: 'T',
      body: 'B',
      budgetId: 'b1',
      timestamp: AT,
    });
  });

  it('of one id are stored once, and use up no seq', async () => {
    await store(wanted('once', 'u1', 'a'));
    const raised = await store(wanted('once', 'u1', 'a'), wanted('once', 'u1', 'b'), wanted('once', 'u1', 'b'));
    expect(raised.map(({ seq, notification }) => [seq, notification.id])).toEqual([[2, 'once-b']]);
    expect(await store(wanted('once', 'u1', 'a'))).toEqual([]);
  });

  it('of one id are stored once when many store them at the same time, without a gap', async () => {
    const rounds = await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        store(...['u2', 'u1'].flatMap((user) => [0, 1].map((k) => wanted('race', user, `${user}-${(n % 6) + k}`)))),
      ),
    );
    const seqs = (user: string) =>
      rounds
        .flat()
        .filter(({ userId }) => userId === user)
        .map(({ seq }) => seq)
        .sort((a, b) => a - b);
    expect(seqs('u1')).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(seqs('u2')).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('go to members by role', async () => {
    for (const [org, user, role] of [
      ['roles', 'r-viewer', 'viewer'],
      ['roles', 'r-owner', 'owner'],
      ['roles', 'r-admin', 'admin'],
      ['others', 'o-viewer', 'viewer'],
    ]) {
      await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [org]);
      await admin.system.execute('INSERT INTO users (id, email, name) VALUES ($1, $1, $1)', [user]);
      await admin.system.execute('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [
        org,
        user,
        role,
      ]);
    }
    const orgs = ['others', 'roles'];
    const members = await db.transaction(orgs, (tx) => membersWithRoles(tx, orgs, ['owner', 'admin']));
    expect([...members]).toEqual([['roles', ['r-admin', 'r-owner']]]);
  });
});
