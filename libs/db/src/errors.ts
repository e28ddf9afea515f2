/** What PostgreSQL or Prisma threw, as far as we look at it. */
interface ErrorLike {
  code?: unknown;
  message?: unknown;
  cause?: unknown;
  meta?: { driverAdapterError?: unknown };
  originalCode?: unknown;
}

/** How deep causes are followed: an error may be its own cause. */
const MAX_CAUSES = 5;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The error itself, what Prisma's driver adapter wrapped in it, and its causes, from the outside in. */
function* chainOf(error: unknown): Generator<ErrorLike> {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof current === 'object' && current !== null; depth++) {
    const like = current as ErrorLike;
    yield like;
    current = like.meta?.driverAdapterError ?? like.cause;
  }
}

/**
 * The SQLSTATE (PostgreSQL manual, appendix A) of an error of this package or of Prisma, null when the server sent none.
 * Prisma's own codes (P1001) and Node's (EPIPE) are never taken for one.
 */
export function sqlState(error: unknown): string | null {
  for (const { originalCode, code } of chainOf(error)) {
    const found = originalCode ?? code;
    if (typeof found === 'string' && SQLSTATE.test(found) && !/^(P\d{4}|E[A-Z]+)$/.test(found)) return found;
  }
  return null;
}

/**
 * The row is at fault: a value that does not fit (SQLSTATE class 22), breaks a constraint (class 23) or is too long for an
 * index (54000). The same statement with the same values fails again; another row may succeed.
 */
export function isDataError(error: unknown): boolean {
  return /^(2[23]|54000)/.test(sqlState(error) ?? '');
}

/** A unique or primary key constraint refused the row (SQLSTATE 23505). */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

// Whole classes: 08 connection, 40 rolled back by the server (serialization, deadlock), 53 out of resources,
// 57P server shutting down, crashed or starting, 58 system error outside of PostgreSQL.
// Single ones: 25006 read-only after a failover, 25P03 and 25P04 transaction time-outs, 55P03 lock time-out,
// 57014 statement time-out.
const TRANSIENT_STATE = /^(08|40|53|57P|58|25006|25P03|25P04|55P03|57014)/;
const TRANSIENT_SOCKET = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|ERR_SOCKET)/;
// P1001, P1002: cannot reach; P1008: time-out; P1017: closed; P2024: pool time-out; P2028: transaction ran out; P2034: deadlock.
const TRANSIENT_PRISMA = /^P(1001|1002|1008|1017|2024|2028|2034)$/;
// The pg client gives these no code.
const TRANSIENT_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed)/;

/**
 * The statement may succeed unchanged later: the server was unreachable, restarted, overloaded, too slow, or rolled the
 * transaction back for another one. After a connection lost during COMMIT nobody knows whether it took effect, so what is
 * repeated must be idempotent. False for errors of the row ({@link isDataError}) and for mistakes in our own SQL.
 */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) return TRANSIENT_STATE.test(state) || isStalePlan(error);
  for (const { code, message } of chainOf(error)) {
    if (typeof code === 'string' && (TRANSIENT_SOCKET.test(code) || TRANSIENT_PRISMA.test(code))) return true;
    if (typeof message === 'string' && TRANSIENT_MESSAGE.test(message)) return true;
  }
  return false;
}

/**
 * After this error the connection is of no more use: it broke, its server went away or is a read-only standby now, or what it
 * has prepared is out of date.
 */
export function losesConnection(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) return /^(08|57P|25006|25P03|25P04)/.test(state) || isStalePlan(error);
  return isTransient(error);
}

/** A migration changed a table under a prepared statement; a new connection prepares it anew. */
function isStalePlan(error: unknown): boolean {
  if (sqlState(error) !== '0A000') return false;
  for (const { message } of chainOf(error)) {
    if (typeof message === 'string' && message.includes('cached plan must not change result type')) return true;
  }
  return false;
}
