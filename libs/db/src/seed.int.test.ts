import { createHash } from 'node:crypto';
import { budgetsChanged } from '@governsai/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type Database } from './database.ts';
import { DEMO_ORGS } from './demo.ts';
import { seed } from './seed.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
let db: Database;
const nodeEnv = process.env.NODE_ENV;

beforeAll(async () => {
  test = await createTestDatabase();
  db = createDatabase({ url: test.appUrl, poolSize: 1, applicationName: 'seed-test' });
});

afterEach(() => {
  process.env.NODE_ENV = nodeEnv;
});

afterAll(async () => {
  await db?.close();
  await test?.drop();
});

const counts = () =>
  db.transaction(['acme', 'globex'], (tx) =>
    tx.query(
      `SELECT (SELECT count(*) FROM organizations) AS orgs, (SELECT count(*) FROM memberships) AS members,
         (SELECT count(*) FROM api_keys) AS keys, (SELECT count(*) FROM budgets) AS budgets`,
    ),
  );

describe('seed', () => {
  it('is refused in production, because its keys are public', async () => {
    process.env.NODE_ENV = 'production';
    await expect(seed(test)).rejects.toThrow(/production/);
    await expect(counts()).resolves.toEqual([{ orgs: 0, members: 0, keys: 0, budgets: 0 }]);
  });

  it('adds the demo orgs, once however often it runs', async () => {
    await seed(test);
    await seed(test);
    await expect(counts()).resolves.toEqual([{ orgs: 2, members: 4, keys: 6, budgets: 2 }]);
  });

  it('gives each budget a state that a subscriber can be sent before anything is spent', async () => {
    const states = await db.transaction(['acme', 'globex'], (tx) =>
      tx.query<{ state: unknown }>('SELECT state FROM budget_states ORDER BY org_id'),
    );
    expect(states.map(({ state }) => budgetsChanged.parse(state).remaining)).toEqual(['7000', '7000']);
  });

  it('makes the documented keys, found by their hash', async () => {
    for (const org of DEMO_ORGS) {
      expect(org.admin.key).toBe(`gai_demo_${org.id}_admin_0000000000000000000000000`);
      for (const key of [org.admin, org.producer, org.subscriber]) {
        const hash = createHash('sha256').update(key.key).digest('hex');
        const [found] = await db.system.query('SELECT * FROM find_api_key($1)', [hash]);
        expect(found).toMatchObject({ id: key.id, org_id: org.id, user_id: key.userId, scopes: key.scopes });
      }
      expect(org.subscriber.userId).toBe(`user-${org.id}-viewer`);
    }
  });
});
