export { createDatabase, type Database, type DatabaseOptions, type PoolStats } from './database.ts';
export { isDataError, isTransient, isUniqueViolation, sqlState } from './errors.ts';
export type { Prisma } from './generated/client.ts';
export type { Sql } from './sql.ts';
