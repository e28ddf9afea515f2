import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase } from './database.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

// The server of the tests is given a certificate while this file runs: others go on without one.

const NAME = `tls-test-${process.pid}`;
const dir = mkdtempSync(join(tmpdir(), 'governsai-tls-'));
let test: TestDatabase;
let admin: pg.Client;
/** Null when the server's files are not on this machine, or there is no openssl: then nothing can be tried. */
let dataDir: string | null = null;

/** Makes a self-signed certificate for 127.0.0.1; returns the path of its PEM. */
function certificate(name: string): string {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const args = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '1',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ];
  execFileSync('openssl', args, { stdio: 'ignore' });
  return cert;
}

function canTry(directory: string): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return existsSync(join(directory, 'PG_VERSION'));
  } catch {
    return false;
  }
}

beforeAll(async () => {
  test = await createTestDatabase();
  admin = new pg.Client({ connectionString: test.adminUrl });
  await admin.connect();
  const { rows } = await admin.query('SHOW data_directory');
  const directory: string = rows[0].data_directory;
  if (!canTry(directory)) return;
  dataDir = directory;
  certificate('ours');
  certificate('other');
  const { uid, gid } = statSync(directory);
  for (const part of ['crt', 'key']) {
    const file = join(directory, `${NAME}.${part}`);
    cpSync(join(dir, `ours.${part}`), file);
    if (process.getuid?.() === 0) chownSync(file, uid, gid);
    chmodSync(file, 0o600);
  }
  await admin.query(`ALTER SYSTEM SET ssl_cert_file = '${NAME}.crt'`);
  await admin.query(`ALTER SYSTEM SET ssl_key_file = '${NAME}.key'`);
  await admin.query('ALTER SYSTEM SET ssl = on');
  await admin.query('SELECT pg_reload_conf()');
});

afterAll(async () => {
  if (dataDir !== null) {
    for (const name of ['ssl', 'ssl_cert_file', 'ssl_key_file']) await admin.query(`ALTER SYSTEM RESET ${name}`);
    await admin.query('SELECT pg_reload_conf()');
    for (const part of ['crt', 'key']) rmSync(join(dataDir, `${NAME}.${part}`), { force: true });
  }
  await admin?.end();
  await test?.drop();
  rmSync(dir, { recursive: true, force: true });
});

/** Whether the connection that DATABASE_URL with these parameters makes is encrypted. Throws when there is none. */
async function encrypted(parameters: Record<string, string>, host = '127.0.0.1'): Promise<boolean> {
  const url = new URL(test.appUrl);
  url.hostname = host;
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const db = createDatabase({ url: url.href, poolSize: 1, applicationName: 'tls-test' });
  try {
    const [row] = await db.system.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    return row?.ssl === true;
  } finally {
    await db.close();
  }
}

/** The server takes a moment to hear of its certificate. */
async function whenReady<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!/does not support SSL/.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('a connection to PostgreSQL', () => {
  const ca = (name: string) => ({ sslmode: 'verify-full', sslrootcert: join(dir, `${name}.crt`) });

  it('is encrypted, and the server known by its certificate, when DATABASE_URL says so', async () => {
    if (dataDir === null) {
      process.stdout.write('not tried: the files of the server are not here, or there is no openssl\n');
      return;
    }
    await expect(whenReady(() => encrypted(ca('ours')))).resolves.toBe(true);
    await expect(encrypted({})).resolves.toBe(false);
  });

  it('is refused to a server that another authority vouches for, or that has another name', async () => {
    if (dataDir === null) return;
    await whenReady(() => encrypted(ca('ours')));
    await expect(encrypted(ca('other'))).rejects.toThrow(/self-signed certificate/);
    await expect(encrypted(ca('ours'), 'localhost')).rejects.toThrow(/does not match certificate/);
  });
});
