import { orgId } from '@governsai/contracts';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { losesConnection } from './errors.ts';
import { type Prisma, PrismaClient } from './generated/client.ts';
import { transactionSeconds, watchPool } from './pool-metrics.ts';
import { type Sql, StatementNames, sqlOn } from './sql.ts';
import { createStatementTrace, type TraceStatement } from './statement-trace.ts';

export interface DatabaseOptions {
  /** `postgres://…` of the app role: not the owner of the tables, no superuser, or row-level security does not bind it. */
  url: string;
  /** Connections at most, shared by raw SQL and Prisma. */
  poolSize: number;
  /** Shown in pg_stat_activity: the service's name. */
  applicationName: string;
  /** Longest wait for a connection, free in the pool or newly made, in ms. Default 2,000. */
  connectTimeoutMs?: number;
  /** Longest run of one statement, in ms. Default 30,000. */
  queryTimeoutMs?: number;
  /**
   * Refuses to work as a role that row-level security does not bind, as when DATABASE_URL names the owner by mistake: every
   * call throws then. Services do (`databaseOptions`); false unless given.
   */
  boundRole?: boolean;
}

/** What a service's environment says of its database (`databaseEnv` of `@governsai/service`). */
export interface DatabaseEnv {
  DATABASE_URL: string;
  DATABASE_POOL_SIZE: number;
}

/** Which database a service opens, how many connections it has, and that its role must be a bound one, for `createDatabase`. */
export function databaseOptions(env: DatabaseEnv): Pick<DatabaseOptions, 'url' | 'poolSize' | 'boundRole'> {
  return { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE, boundRole: true };
}

/** The role of DATABASE_URL would see every org's rows: a superuser, one with BYPASSRLS, or the owner of the tables. */
class UnboundRoleError extends Error {
  constructor() {
    super(
      'the role of DATABASE_URL is a superuser, has BYPASSRLS or owns tables, so row-level security would not separate the ' +
        'orgs: name the role that the migration makes for the services',
    );
    this.name = 'UnboundRoleError';
  }
}

export interface PoolStats {
  total: number;
  idle: number;
  /** Callers that wait for a connection. */
  waiting: number;
}

/**
 * One pool of connections. Whatever touches a tenant's table says for which orgs: PostgreSQL shows and takes only their rows
 * (G6), even to a statement that forgets its WHERE.
 */
export interface Database {
  /**
   * Runs `fn` in one READ COMMITTED transaction scoped to `orgIds` (none: no tenant's rows at all) and commits. Rolls back
   * and rethrows what `fn` throws. `tx` is for use inside of `fn` only, one statement at a time.
   */
  transaction<T>(orgIds: readonly string[], fn: (tx: Sql) => Promise<T>): Promise<T>;
  /**
   * The same through Prisma's client, for plain create, read, update and delete. BIGINT comes as bigint, NUMERIC as
   * Prisma.Decimal, times as Date here.
   */
  prisma<T>(orgIds: readonly string[], fn: (tx: Prisma.TransactionClient) => Promise<T>): Promise<T>;
  /** Each statement its own transaction, with no org: for tables without tenants and for the functions that look across orgs. */
  readonly system: Sql;
  /** Answers when the server does, throws when it does not. */
  ping(): Promise<void>;
  poolStats(): PoolStats;
  /** Waits for running transactions, then closes all connections. Later calls throw. Idempotent. */
  close(): Promise<void>;
}

/** Opens no connection yet: the first use does. Throws TypeError when `url` is no URL. */
export function createDatabase(options: DatabaseOptions): Database {
  const { connectTimeoutMs = 2_000, queryTimeoutMs = 30_000 } = options;
  const pool = new pg.Pool({
    connectionString: new URL(options.url).href,
    application_name: options.applicationName,
    max: options.poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: queryTimeoutMs,
    // Ours, for a server that does not answer any more: later than its own, whose error says more.
    query_timeout: queryTimeoutMs + 2_000,
    // A process that hangs inside a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 2 * queryTimeoutMs,
    // Before a new connection is first lent. Not the pool's `verify`: a connection whose borrower gave up meanwhile would be lost.
    ...(options.boundRole && { onConnect: requireBoundRole }),
  });
  // An idle connection that breaks has left the pool already; whoever needs one next meets the error.
  pool.on('error', () => {});
  const names = new StatementNames();
  const traced = createStatementTrace(options.url);
  const unwatch = watchPool(pool);
  const client = new PrismaClient({
    adapter: new PrismaPg(pool),
    transactionOptions: { maxWait: connectTimeoutMs, timeout: queryTimeoutMs },
  });
  let closing: Promise<void> | undefined;

  const system = onPool(pool, names, traced);
  return {
    system,
    async transaction(orgIds, fn) {
      // Slugs, as scopeOf has checked: nothing in them to quote. BEGIN and the scope go in one round trip.
      const begin = `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT set_config('app.org_ids', '${scopeOf(orgIds)}', true)`;
      return timed(() =>
        withConnection(pool, async (connection) => {
          try {
            await connection.query(begin);
            const result = await fn(sqlOn(connection, names, traced));
            const { command } = await traced('COMMIT', () => connection.query('COMMIT'));
            // PostgreSQL answers so to the COMMIT of a transaction whose error `fn` swallowed.
            if (command !== 'COMMIT') throw new Error('the error of a statement was ignored: nothing was committed');
            return result;
          } catch (error) {
            if (!losesConnection(error)) await connection.query('ROLLBACK');
            throw error;
          }
        }),
      );
    },
    async prisma(orgIds, fn) {
      const scope = scopeOf(orgIds);
      return timed(() =>
        traced('TRANSACTION', () =>
          client.$transaction(async (tx) => {
            await tx.$queryRaw`SELECT set_config('app.org_ids', ${scope}, true)`;
            return fn(tx);
          }),
        ),
      );
    },
    async ping() {
      await system.query('SELECT 1');
    },
    poolStats: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close() {
      closing ??= client
        .$disconnect()
        .then(() => pool.end())
        .finally(unwatch);
      return closing;
    },
  };
}

const IS_UNBOUND = `
  SELECT rolsuper OR rolbypassrls OR EXISTS (
    SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND pg_has_role(relowner, 'USAGE')
  ) AS unbound FROM pg_roles WHERE rolname = current_user`;

async function requireBoundRole(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ unbound: boolean }>(IS_UNBOUND);
  if (rows[0]?.unbound !== false) throw new UnboundRoleError();
}

/** The value of `app.org_ids`. Throws TypeError for what is no org id: it would widen or break the scope. */
function scopeOf(orgIds: readonly string[]): string {
  for (const id of orgIds) {
    if (!orgId.safeParse(id).success) throw new TypeError(`${JSON.stringify(id)} is no org id`);
  }
  return orgIds.join(',');
}

/** Each statement on a connection of its own choice. */
function onPool(pool: pg.Pool, names: StatementNames, traced: TraceStatement): Sql {
  return {
    query: <Row extends object>(text: string, values?: readonly unknown[]) =>
      withConnection(pool, (connection) => sqlOn(connection, names, traced).query<Row>(text, values)),
    execute: (text, values) =>
      withConnection(pool, (connection) => sqlOn(connection, names, traced).execute(text, values)),
  };
}

/** Runs a transaction and notes how long it took. */
async function timed<T>(transaction: () => Promise<T>): Promise<T> {
  const stop = transactionSeconds.startTimer();
  try {
    const result = await transaction();
    stop({ outcome: 'committed' });
    return result;
  } catch (error) {
    stop({ outcome: 'failed' });
    throw error;
  }
}

/** Lends a connection. One that broke is thrown away instead of going back. */
async function withConnection<T>(pool: pg.Pool, use: (connection: pg.PoolClient) => Promise<T>): Promise<T> {
  const connection = await pool.connect();
  let broken = false;
  const onError = () => {
    broken = true;
  };
  // Without a listener the loss of a lent connection would end the process.
  connection.on('error', onError);
  try {
    return await use(connection);
  } catch (error) {
    broken ||= losesConnection(error);
    throw error;
  } finally {
    connection.removeListener('error', onError);
    connection.release(broken);
  }
}
