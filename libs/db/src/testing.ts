import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { grantStatements } from './grants.ts';
import { MIGRATIONS_DIR, migrate } from './migrate.ts';

/** A database of one test file's own. */
export interface TestDatabase {
  /** As the owner of the tables: row-level security does not bind it. */
  adminUrl: string;
  /** As the services see it. */
  appUrl: string;
  /** Throws everybody out and drops it. */
  drop(): Promise<void>;
}

/** Shared by all test databases of a server: roles belong to the server, and rights on a database to the role. */
const TEST_ROLE = 'governsai_test_app';

/**
 * A migrated, empty database on the throw-away server of TEST_DATABASE_URL (a superuser's). It is a copy of a template that the
 * first caller on the server makes for these migrations, so that it takes tens of milliseconds. Any number of processes may
 * call at once.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = process.env.TEST_DATABASE_URL;
  if (!serverUrl) {
    throw new Error(
      'TEST_DATABASE_URL is not set: set it to postgres://… of a superuser on a throw-away PostgreSQL server',
    );
  }
  const name = `governsai_test_${randomBytes(8).toString('hex')}`;
  await onServer(serverUrl, async (server) => {
    const template = await ensureTemplate(server, serverUrl);
    await server.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  return {
    adminUrl: urlOf(serverUrl, name),
    appUrl: urlOf(serverUrl, name, TEST_ROLE),
    drop: () =>
      onServer(serverUrl, async (server) => void (await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))),
  };
}

/** Makes the template of the present migrations unless it is there. Returns its name. */
async function ensureTemplate(server: pg.Client, serverUrl: string): Promise<string> {
  const template = `governsai_template_${await migrationsDigest()}`;
  // Held by the session: until the caller's connection ends.
  await server.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [template]);
  const { rowCount } = await server.query('SELECT 1 FROM pg_database WHERE datname = $1', [template]);
  if (rowCount === 0) {
    // Under its final name only when complete: whoever made it may have died half-way.
    const draft = `${template}_draft`;
    await server.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await server.query(`CREATE DATABASE ${draft}`);
    await migrate({ adminUrl: urlOf(serverUrl, draft), appUrl: urlOf(serverUrl, draft, TEST_ROLE) });
    await server.query(`ALTER DATABASE ${draft} RENAME TO ${template}`);
  }
  await server.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [template]);
  return template;
}

/** Changes with everything that decides what a migrated database is. */
async function migrationsDigest(): Promise<string> {
  const hash = createHash('sha256').update(grantStatements(TEST_ROLE, ''));
  const names = (await readdir(MIGRATIONS_DIR, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const { name } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${name}\n`).update(await readFile(join(MIGRATIONS_DIR, name, 'migration.sql')));
  }
  return hash.digest('hex').slice(0, 16);
}

async function onServer(serverUrl: string, use: (server: pg.Client) => Promise<void>): Promise<void> {
  const server = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 });
  server.on('error', () => {});
  await server.connect();
  try {
    await use(server);
  } finally {
    await server.end();
  }
}

function urlOf(serverUrl: string, database: string, role?: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  if (role !== undefined) {
    url.username = role;
    url.password = role;
  }
  return url.href;
}
