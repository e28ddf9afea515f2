import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type Database } from './database.ts';
import { ReplicaAddresses } from './replica-addresses.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
let db: Database;
let addresses: ReplicaAddresses;

beforeAll(async () => {
  test = await createTestDatabase();
  db = createDatabase({ url: test.appUrl, poolSize: 2, applicationName: 'replicas-test' });
  addresses = new ReplicaAddresses(db);
});

afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const age = (replica: string, interval: string) =>
  db.system.execute('UPDATE push_replicas SET updated_at = now() - $2::interval WHERE replica = $1', [
    replica,
    interval,
  ]);

describe('ReplicaAddresses', () => {
  it('tells each replica where all are, as they last said', async () => {
    await addresses.announce('one', 'http://10.0.0.1:8080');
    await addresses.announce('two', 'http://10.0.0.2:8080');
    await addresses.announce('one', 'http://10.0.0.3:8080');
    expect([...(await addresses.announce('two', 'http://10.0.0.2:8080'))].sort()).toEqual([
      ['one', 'http://10.0.0.3:8080'],
      ['two', 'http://10.0.0.2:8080'],
    ]);
  });

  it('leaves out who has said nothing for 15 s, or has left, and forgets who is long gone', async () => {
    await age('one', '16 seconds');
    expect([...(await addresses.announce('two', 'http://x')).keys()]).toEqual(['two']);
    await age('one', '11 minutes');
    await addresses.announce('two', 'http://x');
    expect(await db.system.query('SELECT replica FROM push_replicas')).toEqual([{ replica: 'two' }]);
    await addresses.leave('two');
    expect(await db.system.query('SELECT 1 FROM push_replicas')).toEqual([]);
  });
});
