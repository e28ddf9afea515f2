import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, type Database } from './database.ts';
import { sqlState } from './errors.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

// Every table that has an org_id, as the catalog knows them: one that is added tomorrow is tried here without a word.

/** Tables whose rows are of no one org. To add one is a decision about security: no policy guards it. */
const SHARED_TABLES = [
  'access_state',
  'connection_counts',
  // Events on their way to Kafka, of all orgs: the relay sends them in one order.
  'outbox',
  // Where replicas find each other.
  'push_replicas',
  'rate_buckets',
  // A person may be in several orgs.
  'users',
];

interface Column {
  name: string;
  type: string;
}

let test: TestDatabase;
let admin: pg.Client;
let db: Database;
/** The columns without which there is no row, by table. */
const tables = new Map<string, Column[]>();

/** SQL of a value that fits a column, another one for each org. */
function literalOf({ name, type }: Column, org: string): string {
  if (name === 'org_id') return `'${org}'`;
  if (type.endsWith('[]')) return `'{}'`;
  if (/^json/.test(type)) return `'{}'`;
  if (/^timestamp|^date/.test(type)) return 'now()';
  if (type === 'boolean') return 'false';
  if (/^(smallint|integer|bigint|numeric|double|real)/.test(type)) return '1';
  return `'${name}-${org}'`;
}

const insertOf = (table: string, columns: readonly Column[], org: string) =>
  `INSERT INTO public.${table} (${columns.map(({ name }) => `"${name}"`).join(', ')})
   VALUES (${columns.map((column) => literalOf(column, org)).join(', ')})`;

beforeAll(async () => {
  test = await createTestDatabase();
  admin = new pg.Client({ connectionString: test.adminUrl });
  await admin.connect();
  db = createDatabase({ url: test.appUrl, poolSize: 2, applicationName: 'rls-catalog-test' });
  // Rows need only be somebody's here: no foreign key is followed, and what a value must be beyond its type is not asked.
  await admin.query('SET session_replication_role = replica');
  const { rows: checks } = await admin.query(
    `SELECT conrelid::regclass AS table, conname AS name FROM pg_constraint
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace`,
  );
  for (const { table, name } of checks) await admin.query(`ALTER TABLE ${table} DROP CONSTRAINT "${name}"`);
  const { rows } = await admin.query(
    `SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'org_id')
       AND (a.attname = 'org_id' OR (a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = ''))
     ORDER BY c.relname, a.attnum`,
  );
  for (const { table, ...column } of rows) tables.set(table, [...(tables.get(table) ?? []), column]);
  for (const [table, columns] of tables) {
    for (const org of ['acme', 'globex']) await admin.query(insertOf(table, columns, org));
  }
});

afterAll(async () => {
  await db?.close();
  await admin?.end();
  await test?.drop();
});

/** What became of a statement in the scope of acme: what `seen` makes of it, or the SQLSTATE of its refusal. Changes nothing. */
async function tried<T>(statement: (tx: Parameters<Parameters<Database['transaction']>[1]>[0]) => Promise<T>) {
  const undo = new Error('undone');
  let outcome: T | undefined;
  try {
    await db.transaction(['acme'], async (tx) => {
      outcome = await statement(tx);
      throw undo;
    });
  } catch (error) {
    if (error !== undo) return sqlState(error) ?? String(error);
  }
  return outcome;
}

const DENIED = '42501';

describe('G6: every table that has an org_id', () => {
  it('is one of very many, and whatever has none is known', async () => {
    expect(tables.size).toBeGreaterThan(30);
    const { rows } = await admin.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1`,
    );
    const others = rows.map(({ relname }) => relname).filter((name) => !tables.has(name));
    expect(others).toEqual([...SHARED_TABLES, '_prisma_migrations', 'organizations'].sort());
    process.stdout.write(`row-level security: ${tables.size} tables with an org_id\n`);
  });

  it('shows and changes the rows of the scope alone, to statements that forget their WHERE', async () => {
    const wrong: string[] = [];
    for (const table of tables.keys()) {
      const seen = await tried((tx) => tx.query<{ org_id: string }>(`SELECT org_id FROM ${table}`));
      if (JSON.stringify(seen) !== '[{"org_id":"acme"}]') wrong.push(`SELECT FROM ${table}: ${JSON.stringify(seen)}`);
      for (const statement of [`UPDATE ${table} SET org_id = org_id`, `DELETE FROM ${table}`]) {
        const changed = await tried((tx) => tx.execute(statement));
        if (changed !== 1 && changed !== DENIED) wrong.push(`${statement}: ${changed}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('takes no row of another org, and gives none away', async () => {
    const wrong: string[] = [];
    for (const [table, columns] of tables) {
      const written = await tried((tx) => tx.execute(insertOf(table, columns, 'initech')));
      if (written !== DENIED) wrong.push(`INSERT INTO ${table}: ${written}`);
      const moved = await tried((tx) => tx.execute(`UPDATE ${table} SET org_id = 'initech'`));
      if (moved !== DENIED) wrong.push(`UPDATE ${table}: ${moved}`);
    }
    expect(wrong).toEqual([]);
  });

  it('shows nothing without a scope, nor by a scope that was never set', async () => {
    for (const table of tables.keys()) {
      expect([table, await db.system.query(`SELECT 1 FROM ${table}`)]).toEqual([table, []]);
    }
  });

  it('fails this test when it has no policy', async () => {
    await admin.query('CREATE TABLE public.tomorrow (org_id text NOT NULL)');
    await admin.query(`INSERT INTO public.tomorrow VALUES ('acme'), ('globex')`);
    await admin.query(`GRANT SELECT ON public.tomorrow TO "${new URL(test.appUrl).username}"`);
    await expect(tried((tx) => tx.query('SELECT org_id FROM tomorrow'))).resolves.toHaveLength(2);
    await admin.query('DROP TABLE public.tomorrow');
  });
});
