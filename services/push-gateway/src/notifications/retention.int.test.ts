import { createDatabase, type Database, storeNotifications } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { notificationSources } from '../streams/notification-source.ts';
import { pruneNotifications } from './retention.ts';

let test: TestDatabase;
let db: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  db = createDatabase({ url: test.appUrl, poolSize: 2, applicationName: 'retention-test' });
});

afterAll(async () => {
  await db?.close();
  await test?.drop();
});

let made = 0;

/** Tells a user at the given times, one after the other. */
async function tell(orgId: string, userId: string, times: readonly string[]): Promise<void> {
  await db.transaction([orgId], (tx) =>
    tx.execute('INSERT INTO organizations (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [orgId]),
  );
  for (const time of times) {
    const id = `n-${++made}`;
    const one = { orgId, userId, id, kind: 'test', severity: 'info' as const, title: 'T', body: 'B', data: {} };
    await db.transaction([orgId], (tx) => storeNotifications(tx, [one], time));
  }
}

const seqsOf = async (orgId: string, userId: string) =>
  (
    await db.transaction([orgId], (tx) =>
      tx.query<{ seq: number }>('SELECT seq FROM notifications WHERE org_id = $1 AND user_id = $2 ORDER BY seq', [
        orgId,
        userId,
      ]),
    )
  ).map(({ seq }) => seq);

const day = (n: number) => new Date(Date.UTC(2026, 0, n)).toISOString();

it('deletes what is older than its time, up to the first that is young, so that no gap is left', async () => {
  await tell('acme', 'ann', [day(1), day(2), day(20), day(3), day(21)]);
  await tell('acme', 'bob', [day(1), day(2)]);
  await tell('other', 'ann', [day(20)]);
  await pruneNotifications(db, new Date(day(10)));
  expect(await seqsOf('acme', 'ann')).toEqual([3, 4, 5]);
  expect(await seqsOf('acme', 'bob')).toEqual([]);
  expect(await seqsOf('other', 'ann')).toEqual([1]);
});

it('G4: tells who resumes from before where the rest begins; new ones go on with the next seq', async () => {
  const sources = notificationSources(db);
  expect(await sources('acme', 'ann').head()).toEqual({ lastSeq: 5, firstSeq: 3 });
  expect(await sources('acme', 'bob').head()).toEqual({ lastSeq: 2, firstSeq: 3 });
  await tell('acme', 'bob', [day(22)]);
  expect(await seqsOf('acme', 'bob')).toEqual([3]);
});

it('keeps no more of a user than it may, however young, for any number of users', async () => {
  for (let i = 0; i < 7; i++) await tell('many', `user-${i}`, [day(20), day(20), day(20)]);
  await pruneNotifications(db, new Date(day(10)), 2);
  for (let i = 0; i < 7; i++) expect(await seqsOf('many', `user-${i}`)).toEqual([2, 3]);
});
