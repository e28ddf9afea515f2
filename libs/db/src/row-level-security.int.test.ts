import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, type Database } from './database.ts';
import { sqlState } from './errors.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
let admin: pg.Client;
let db: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  admin = new pg.Client({ connectionString: test.adminUrl });
  await admin.connect();
  db = createDatabase({ url: test.appUrl, poolSize: 2, applicationName: 'rls-test' });
  for (const org of ['acme', 'globex', 'initech']) {
    await admin.query('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]);
    await admin.query('INSERT INTO org_chains (org_id, last_seq) VALUES ($1, 1)', [org]);
    await admin.query(
      `INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, ts, recorded_at, record, prev_hash, hash)
       VALUES ($1, 1, 'dec_' || $1, '', 'precheck', 'allow', now(), now(), '{}', '', '')`,
      [org],
    );
    await admin.query(
      `INSERT INTO api_keys (id, org_id, name, prefix, key_hash, scopes) VALUES ('key-' || $1, $1, 'k', 'gai_', 'hash-' || $1, '{org:admin}')`,
      [org],
    );
    await admin.query(
      `INSERT INTO budgets (id, org_id, name, limit_amount, unit, period, hard) VALUES ('budget-' || $1, $1, 'b', 1, 'calls', 'total', false)`,
      [org],
    );
  }
});

afterAll(async () => {
  await db?.close();
  await admin?.end();
  await test?.drop();
});

/** Tables of the services, and of which column says whose a row is. */
async function tables(): Promise<{ name: string; tenant: boolean; guarded: boolean; policies: number }[]> {
  const { rows } = await admin.query(
    `SELECT c.relname AS name, c.relrowsecurity AS guarded,
       c.relname = 'organizations' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id') AS tenant,
       (SELECT count(*)::int FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
     FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_prisma_migrations'`,
  );
  return rows;
}

describe('G6: row-level security', () => {
  it('guards every table with rows of tenants', async () => {
    const all = await tables();
    expect(all.length).toBeGreaterThan(15);
    expect(all.filter(({ tenant, guarded, policies }) => tenant !== (guarded && policies === 1))).toEqual([]);
  });

  it('hides other orgs from a statement that forgets its WHERE', async () => {
    const seen = await db.transaction(['acme'], (tx) => tx.query('SELECT org_id FROM decisions'));
    expect(seen).toEqual([{ org_id: 'acme' }]);
    const orgs = await db.transaction(['acme', 'globex'], (tx) => tx.query('SELECT id FROM organizations ORDER BY id'));
    expect(orgs).toEqual([{ id: 'acme' }, { id: 'globex' }]);
  });

  it('hides them from Prisma too', async () => {
    await expect(db.prisma(['acme'], (tx) => tx.budget.findMany({ select: { id: true } }))).resolves.toEqual([
      { id: 'budget-acme' },
    ]);
  });

  it('shows nothing of any tenant without a scope, and none is left over from the transaction before', async () => {
    for (const { name } of (await tables()).filter(({ tenant }) => tenant)) {
      await db.transaction(['acme'], (tx) => tx.query('SELECT 1'));
      await expect(db.system.query(`SELECT 1 FROM ${name}`)).resolves.toEqual([]);
      await expect(db.transaction([], (tx) => tx.query(`SELECT 1 FROM ${name}`))).resolves.toEqual([]);
    }
  });

  it('refuses to write a row of another org', async () => {
    const insert = db.transaction(['acme'], (tx) =>
      tx.execute("INSERT INTO tracker_cursors (org_id) VALUES ('globex')"),
    );
    await expect(insert).rejects.toThrow(/row-level security/);
    const move = db.transaction(['acme'], (tx) => tx.execute("UPDATE budgets SET org_id = 'globex'"));
    await expect(move).rejects.toThrow(/row-level security/);
  });

  it('changes and deletes nothing of another org', async () => {
    const update = 'UPDATE budgets SET name = $1 WHERE org_id = $2';
    await expect(db.transaction(['acme'], (tx) => tx.execute(update, ['mine', 'globex']))).resolves.toBe(0);
    await expect(db.transaction(['acme'], (tx) => tx.execute(update, ['mine', 'acme']))).resolves.toBe(1);
    await expect(db.transaction(['acme'], (tx) => tx.execute("UPDATE budgets SET name = 'all'"))).resolves.toBe(1);
  });

  it('is missed by no service: who demands a bound role gets nothing from a superuser nor from an owner', async () => {
    const name = `owner_${new URL(test.adminUrl).pathname.slice(1)}`.slice(0, 60);
    const asked = async (url: string) => {
      const database = createDatabase({ url, poolSize: 1, applicationName: 'rls-test', boundRole: true });
      try {
        return await database.system.query('SELECT 1 AS one');
      } finally {
        await database.close();
      }
    };
    await expect(asked(test.adminUrl)).rejects.toThrow(/row-level security would not separate/);
    await expect(asked(test.appUrl)).resolves.toEqual([{ one: 1 }]);
    const url = new URL(test.adminUrl);
    url.username = url.password = name;
    await admin.query(`CREATE ROLE "${name}" LOGIN PASSWORD '${name}'`);
    try {
      await admin.query(`CREATE TABLE theirs (org_id text); ALTER TABLE theirs ENABLE ROW LEVEL SECURITY`);
      await expect(asked(url.href)).resolves.toEqual([{ one: 1 }]);
      await admin.query(`ALTER TABLE theirs OWNER TO "${name}"`);
      await expect(asked(url.href)).rejects.toThrow(/owns tables/);
    } finally {
      await admin.query(`DROP TABLE theirs; DROP ROLE "${name}"`);
    }
  });

  it('cannot be turned off by the role of the services', async () => {
    const off = db.transaction(['acme'], async (tx) => {
      await tx.execute('SET LOCAL row_security = off');
      return tx.query('SELECT * FROM decisions');
    });
    await expect(off).rejects.toThrow(/row-level security/);
    await expect(db.system.execute('ALTER TABLE decisions DISABLE ROW LEVEL SECURITY')).rejects.toThrow(
      /must be owner/,
    );
  });
});

describe('the role of the services', () => {
  it('finds an API key of any org by its hash, and only so', async () => {
    await expect(db.system.query('SELECT * FROM api_keys')).resolves.toEqual([]);
    await expect(db.system.query('SELECT * FROM find_api_key($1)', ['hash-globex'])).resolves.toEqual([
      {
        id: 'key-globex',
        org_id: 'globex',
        user_id: null,
        name: 'k',
        scopes: ['org:admin'],
        cidrs: [],
        expires_at: null,
        revoked_at: null,
        last_used_at: null,
        suspended_at: null,
      },
    ]);
    await expect(db.system.query('SELECT * FROM find_api_key($1)', ['hash'])).resolves.toEqual([]);
  });

  it('finds the orgs whose decisions are not all published', async () => {
    await db.transaction(['globex'], (tx) => tx.execute('UPDATE org_chains SET published_seq = 1'));
    await admin.query('UPDATE org_chains SET updated_at = now()');
    // What was written a moment ago is left to its writer.
    await expect(db.system.query('SELECT * FROM orgs_to_publish($1)', [10])).resolves.toEqual([]);
    await admin.query("UPDATE org_chains SET updated_at = now() - interval '1 minute'");
    const behind = await db.system.query('SELECT * FROM orgs_to_publish($1) ORDER BY org_id', [10]);
    expect(behind).toEqual([
      { org_id: 'acme', published_seq: 0, last_seq: 1 },
      { org_id: 'initech', published_seq: 0, last_seq: 1 },
    ]);
    await expect(db.system.query('SELECT * FROM orgs_to_publish($1)', [1])).resolves.toHaveLength(1);
  });

  it.each([
    ["UPDATE decisions SET hash = 'forged'"],
    ['DELETE FROM decisions'],
    ['DELETE FROM audit_logs'],
    ['UPDATE budget_ledger SET amount = 0'],
    ['TRUNCATE decisions'],
    ['SELECT * FROM _prisma_migrations'],
    ['CREATE TABLE mine ()'],
  ])('may not: %s', async (statement) => {
    const refused = db.transaction(['acme'], (tx) => tx.execute(statement)).catch(sqlState);
    await expect(refused).resolves.toBe('42501');
  });

  it('may erase what a decision says of a person', async () => {
    const erase = 'UPDATE decisions SET person = NULL, person_salt = NULL';
    await expect(db.transaction(['acme'], (tx) => tx.execute(erase))).resolves.toBe(1);
  });
});

it('functions that look across orgs are closed to everybody else and have a fixed search_path', async () => {
  const { rows } = await admin.query(
    `SELECT proname, proconfig, has_function_privilege('pg_monitor', oid, 'EXECUTE') AS open FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace AND prosecdef`,
  );
  expect(rows.map((row) => row.proname)).toEqual(expect.arrayContaining(['find_api_key', 'prune_decisions']));
  for (const row of rows) {
    expect(row).toMatchObject({ proconfig: ['search_path=pg_catalog, pg_temp'], open: false });
  }
});
