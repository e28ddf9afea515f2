import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase } from './database.ts';
import { MIGRATIONS_DIR, migrate } from './migrate.ts';
import { withSchemaEngine } from './schema-engine.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
let admin: pg.Client;

beforeEach(async () => {
  test = await createTestDatabase();
  admin = new pg.Client({ connectionString: test.adminUrl });
  await admin.connect();
});

afterEach(async () => {
  await admin.end();
  await test.drop();
});

/** Makes the database as empty as a new one. */
async function empty(): Promise<void> {
  await admin.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
}

async function migrations(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS_DIR, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

describe('migrate', () => {
  it('brings an empty database up to date and then does nothing more', async () => {
    await empty();
    await expect(migrate(test)).resolves.toEqual(await migrations());
    await expect(migrate(test)).resolves.toEqual([]);
    const db = createDatabase({ url: test.appUrl, poolSize: 1, applicationName: 'migrate-test' });
    await expect(db.system.query('SELECT version FROM access_state')).resolves.toEqual([{ version: 0 }]);
    await db.close();
  });

  it('is safe to run several times at once: one applies, the others wait for it', async () => {
    await empty();
    const applied = await Promise.all([migrate(test), migrate(test), migrate(test)]);
    expect(applied.flat()).toEqual(await migrations());
  });

  it('leaves nothing of a migration that fails, says what PostgreSQL said, and tries it again next time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
    try {
      await cp(MIGRATIONS_DIR, folder, { recursive: true });
      const second = join(folder, '20990101000000_second');
      await mkdir(second);
      await writeFile(join(second, 'migration.sql'), 'CREATE TABLE half (); SELECT nonsense;');
      const options = { ...test, migrationsDir: folder };
      await expect(migrate(options)).rejects.toThrow(/column "nonsense" does not exist/);
      await expect(admin.query("SELECT to_regclass('half') AS half")).resolves.toMatchObject({
        rows: [{ half: null }],
      });
      await writeFile(join(second, 'migration.sql'), "CREATE TABLE half (); SELECT 'a;b';");
      await expect(migrate(options)).resolves.toEqual(['20990101000000_second']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('creates the role of the services with its password, and changes it when DATABASE_URL does', async () => {
    const role = `role "x" ${Date.now()}`;
    const withPassword = (password: string) => {
      const url = new URL(test.appUrl);
      url.username = encodeURIComponent(role);
      url.password = encodeURIComponent(password);
      return url.href;
    };
    const stored = async () =>
      (await admin.query('SELECT rolpassword, rolsuper, rolbypassrls FROM pg_authid WHERE rolname = $1', [role]))
        .rows[0];
    try {
      await migrate({ ...test, appUrl: withPassword("p'$ss/wörd") });
      const first = await stored();
      expect(first).toMatchObject({ rolsuper: false, rolbypassrls: false });
      expect(first.rolpassword).toMatch(/^SCRAM-SHA-256\$/);
      await migrate({ ...test, appUrl: withPassword('another') });
      expect((await stored()).rolpassword).not.toBe(first.rolpassword);
    } finally {
      await admin.query(`DROP OWNED BY ${pg.escapeIdentifier(role)}; DROP ROLE ${pg.escapeIdentifier(role)}`);
    }
  });

  it('refuses a role that row-level security would not bind', async () => {
    await expect(migrate({ ...test, appUrl: test.adminUrl })).rejects.toThrow(/name another role/);
  });

  it.each(['not a url', 'postgres://127.0.0.1/governsai'])(
    'refuses a DATABASE_URL without a role: %s',
    async (appUrl) => {
      await expect(migrate({ ...test, appUrl })).rejects.toThrow(/DATABASE_URL must be/);
    },
  );
});

/** The columns, indexes and foreign keys of a database. Not NOT NULL of arrays and CHECK: schema.prisma has no form for them. */
async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid),
         CASE WHEN a.attndims = 0 AND a.attnotnull THEN 'NOT NULL' END) AS line
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_prisma_migrations'
     UNION ALL
     SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'
     UNION ALL
     SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE contype = 'f'
     ORDER BY line`,
  );
  return rows.map((row) => row.line);
}

it('the migrations make exactly the tables of schema.prisma', async () => {
  const migrated = await tablesOf(admin);
  const path = fileURLToPath(new URL('../../../prisma/schema.prisma', import.meta.url));
  const files = [{ path, content: await readFile(path, 'utf8') }];
  await empty();
  const { stdout } = await withSchemaEngine(test.adminUrl, (engine) =>
    engine.diff({
      from: { tag: 'empty' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    }),
  );
  await admin.query(stdout ?? '');
  expect(migrated.length).toBeGreaterThan(150);
  expect(migrated).toEqual(await tablesOf(admin));
});
