export { announceAccessChange, type Concerned } from './access-change.ts';
export { bigintArray, textArray, timestamptzArray } from './arrays.ts';
export { ConnectionCounts } from './connection-counts.ts';
export {
  createDatabase,
  type Database,
  type DatabaseEnv,
  type DatabaseOptions,
  databaseOptions,
  type PoolStats,
} from './database.ts';
export { DEMO_ORGS, type DemoKey, type DemoOrg, type DemoUser } from './demo.ts';
export { isDataError, isTransient, isUniqueViolation, sqlState } from './errors.ts';
export type { Prisma } from './generated/client.ts';
export { type MigrateOptions, migrate } from './migrate.ts';
export { membersWithRoles, storeNotifications, type WantedNotification } from './notifications.ts';
export { type OutboxEvent, type OutboxRow, OutboxStore, outboxAppend } from './outbox.ts';
export { RateBuckets } from './rate-buckets.ts';
export { ReplicaAddresses } from './replica-addresses.ts';
export { seed } from './seed.ts';
export type { Sql } from './sql.ts';
