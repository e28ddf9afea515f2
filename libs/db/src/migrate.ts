import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { appRoleOf, ensureAppRole } from './app-role.ts';
import { sqlState } from './errors.ts';
import { grantStatements } from './grants.ts';
import { type SchemaEngine, withSchemaEngine } from './schema-engine.ts';

/** The migrations of this system, from `src` and from `dist` alike. */
export const MIGRATIONS_DIR = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

export interface MigrateOptions {
  /** `postgres://…` of a role that owns the database and may create roles; it becomes the owner of the tables. */
  adminUrl: string;
  /** `postgres://…` of the services: names the role to create and its password. */
  appUrl: string;
  /** Another folder of migrations, for tests. */
  migrationsDir?: string;
}

/** One number for all versions of this program: advisory locks are per database. */
const MIGRATION_LOCK = 7_206_110_412;
const LOCK_TIMEOUT = '120s';

/**
 * Brings the database up to date and returns the names of the migrations it applied, in order. Then creates or updates the
 * role of the services and gives it its rights. Does nothing when all is done already; a second one at the same time waits
 * for the first. A migration takes effect whole or not at all, and one that failed is tried again by the next run. Throws
 * with PostgreSQL's own error as cause.
 */
export async function migrate({ adminUrl, appUrl, migrationsDir = MIGRATIONS_DIR }: MigrateOptions): Promise<string[]> {
  const role = appRoleOf(appUrl);
  const admin = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  // A connection lost between two statements fails the next one.
  admin.on('error', () => {});
  await admin.connect();
  try {
    await lock(admin);
    const applied = await withSchemaEngine(adminUrl, (engine) => applyAll(engine, migrationsDir));
    await ensureAppRole(admin, role);
    const { rows } = await admin.query<{ name: string }>('SELECT current_database() AS name');
    const database = pg.escapeIdentifier(rows[0]?.name ?? '');
    await admin.query(grantStatements(pg.escapeIdentifier(role.name), database));
    return applied;
  } finally {
    // Ends the lock too.
    await admin.end();
  }
}

async function lock(admin: pg.Client): Promise<void> {
  try {
    await admin.query(`SET lock_timeout = '${LOCK_TIMEOUT}'`);
    await admin.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  } catch (error) {
    if (sqlState(error) !== '55P03') throw error;
    throw new Error(`another migration of this database has been running for ${LOCK_TIMEOUT}; wait for it or end it`, {
      cause: error,
    });
  }
}

const NO_FILTERS = { externalTables: [], externalEnums: [] };

async function applyAll(engine: SchemaEngine, migrationsDir: string): Promise<string[]> {
  const migrationsList = await readMigrations(migrationsDir);
  const history = { migrationsList, optInToShadowDatabase: false, filters: NO_FILTERS };
  for (const migrationName of (await engine.diagnoseMigrationHistory(history)).failedMigrationNames) {
    await engine.markMigrationRolledBack({ migrationName });
  }
  return (await engine.applyMigrations({ migrationsList, filters: NO_FILTERS })).appliedMigrationNames;
}

/** The folder's migrations as the schema engine takes them, the oldest first. */
async function readMigrations(baseDir: string) {
  const entries = await readdir(baseDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = await Promise.all(
    names.sort().map(async (path) => ({
      path,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readFile(join(baseDir, path, 'migration.sql'), 'utf8') },
      },
    })),
  );
  const lockfile = {
    path: 'migration_lock.toml',
    content: await readFile(join(baseDir, 'migration_lock.toml'), 'utf8'),
  };
  return { baseDir, lockfile, shadowDbInitScript: '', migrationDirectories };
}
