import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';
import { sqlState } from './errors.ts';

/** The role of the services, as their DATABASE_URL names it. */
export interface AppRole {
  name: string;
  /** Null: the server authenticates it otherwise. */
  password: string | null;
}

/** Reads the role out of DATABASE_URL. Throws TypeError when the URL has no user or is not a URL. */
export function appRoleOf(appUrl: string): AppRole {
  const url = URL.canParse(appUrl) ? new URL(appUrl) : null;
  if (!url?.username) {
    throw new TypeError(
      'DATABASE_URL must be postgres://<role>:<password>@<host>:<port>/<database>, with the role of the services',
    );
  }
  return { name: decodeURIComponent(url.username), password: url.password ? decodeURIComponent(url.password) : null };
}

const ATTEMPTS = 20;

/**
 * Creates the role of the services, or sets its password. A role that an administrator manages and `admin` may not alter is
 * left as it is. Roles belong to the whole server: migrations of two databases may do this at once. Throws when row-level
 * security would not bind the role.
 */
export async function ensureAppRole(admin: pg.Client, role: AppRole): Promise<void> {
  const name = pg.escapeIdentifier(role.name);
  const password = role.password === null ? '' : ` PASSWORD ${pg.escapeLiteral(passwordVerifier(role.password))}`;
  for (let attempt = 1; ; attempt++) {
    const exists = await refuseUnboundRole(admin, role.name);
    try {
      await admin.query(`${exists ? 'ALTER' : 'CREATE'} ROLE ${name} LOGIN${password}`);
      break;
    } catch (error) {
      if (exists && sqlState(error) === '42501') break;
      // Another migration was at the same role: 42710 and 23505 exists by now, XX000 "tuple concurrently updated".
      if (attempt === ATTEMPTS || !['42710', '23505', 'XX000'].includes(sqlState(error) ?? '')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10 * attempt));
    }
  }
  await refuseUnboundRole(admin, role.name);
}

/** Whether the role exists. Throws when it is one that sees every tenant's rows. */
async function refuseUnboundRole(admin: pg.Client, name: string): Promise<boolean> {
  const { rows } = await admin.query<{ unbound: boolean }>(
    `SELECT rolsuper OR rolbypassrls OR pg_has_role(oid, current_user, 'USAGE') AS unbound FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  if (rows[0]?.unbound) {
    throw new Error(
      `the role "${name}" of DATABASE_URL is a superuser, has BYPASSRLS or belongs to the owner of the tables, so row-level ` +
        'security would not separate the tenants; name another role, which is created if it does not exist',
    );
  }
  return rows.length > 0;
}

const SCRAM_ITERATIONS = 4096;

/**
 * What PostgreSQL stores for a password (SCRAM-SHA-256, RFC 5802), so that the password itself is in no statement and no
 * server log. Passwords beyond ASCII need a normalization that is left to the server: those are sent as they are.
 */
function passwordVerifier(password: string): string {
  if (!/^[\x20-\x7e]+$/.test(password)) return password;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
