export { createDatabase, type Database, type DatabaseOptions, type PoolStats } from './database.ts';
export { DEMO_ORGS, type DemoKey, type DemoOrg, type DemoUser } from './demo.ts';
export { isDataError, isTransient, isUniqueViolation, sqlState } from './errors.ts';
export type { Prisma } from './generated/client.ts';
export { type MigrateOptions, migrate } from './migrate.ts';
export { membersWithRoles, storeNotifications, type WantedNotification } from './notifications.ts';
export { type OutboxEvent, type OutboxRow, OutboxStore, outboxAppend } from './outbox.ts';
export { seed } from './seed.ts';
export type { Sql } from './sql.ts';
