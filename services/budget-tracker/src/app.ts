import { accessOptions, authorize, createAccess, createAdmission, startAccessListener } from '@governsai/access';
import type { ServiceName } from '@governsai/contracts';
import { createDatabase, databaseOptions, OutboxStore, RateBuckets } from '@governsai/db';
import { createKafka, kafkaOptions, OutboxRelay } from '@governsai/kafka';
import {
  createHttpApp,
  Health,
  httpAppOptions,
  type Logger,
  loadConfig,
  type RunningService,
  replicaId,
} from '@governsai/service';
import { configSchema } from './config.ts';
import { decisionsRecordedConsumer } from './consumers/decisions-recorded.ts';
import { Deadlines } from './deadlines.ts';
import { HoldDesk } from './holds/desk.ts';
import { mountRoutes } from './http.ts';
import { Maintenance } from './maintenance.ts';
import { OUTBOX } from './outbox.ts';
import { Definitions } from './store/definitions.ts';
import { AddressPolicy } from './webhooks/address-policy.ts';
import { Dispatcher } from './webhooks/dispatcher.ts';

export const SERVICE: ServiceName = 'budget-tracker';

// A batch costs some twenty round trips, whatever is in it; holds do not wait for it, and what a budget says may be this old.
const COUNT_REST_MS = 100;

/** Starts budget-tracker: fetch → plan by seq → one transaction → commit, the relay of its events, and its routes. */
export async function start(log: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema);
  const health = new Health({ service: SERVICE, intervalMs: config.HEALTH_CHECK_INTERVAL, log });
  const db = createDatabase({ ...databaseOptions(config), applicationName: SERVICE });
  // Callers wait for holds: their own connections, and time-outs as short as an answer is wanted.
  const holdDb = createDatabase({
    ...databaseOptions(config),
    applicationName: `${SERVICE} holds`,
    connectTimeoutMs: config.HOLD_TIMEOUT,
    queryTimeoutMs: config.HOLD_TIMEOUT,
  });
  const kafka = createKafka({ ...kafkaOptions(config), clientId: SERVICE, log });
  health.dependency('postgresql', { required: true, check: () => db.ping() });
  health.dependency('kafka', { required: true, check: () => kafka.ping() });

  const producer = kafka.producer();
  const relay = new OutboxRelay({
    store: new OutboxStore(db),
    producer,
    service: OUTBOX,
    log,
    health: (error) => health.report('outbox', error),
  });
  const wake = () => relay.wake();

  const access = createAccess({ ...accessOptions(config), log });
  const admission = createAdmission({ service: SERVICE, config, access, tokens: new RateBuckets(db), log });
  const app = createHttpApp({
    ...httpAppOptions(config),
    service: SERVICE,
    log,
    health,
    authenticate: admission.authenticate,
    authorize,
  });
  const definitions = new Definitions();
  const desk = new HoldDesk({ db: holdDb, definitions, onOutage: config.HOLDS_ON_OUTAGE, log, wake });
  const policy = new AddressPolicy(config.WEBHOOK_ALLOWED_NETWORKS);
  mountRoutes(app, { db, desk, log, maxBudgets: config.MAX_BUDGETS, policy, wake });
  const deadlines = new Deadlines({ db, log, wake, health: (error) => health.report('deadlines', error) });
  const dispatcher = new Dispatcher({
    db,
    log,
    policy,
    timeoutMs: config.WEBHOOK_TIMEOUT,
    health: (error) => health.report('webhooks', error),
  });
  const maintenance = new Maintenance({
    db,
    log,
    retentionDays: config.METRICS_RETENTION_DAYS,
    checkIntervalMs: config.BUDGETS_CHECK_INTERVAL,
  });

  const consumer = kafka.consumeGroup({
    topic: 'decisions.recorded',
    groupId: SERVICE,
    concurrency: config.COUNT_CONCURRENCY,
    maxBatch: config.COUNT_BATCH,
    restMs: COUNT_REST_MS,
    health: (error) => health.report('counting', error),
    handler: decisionsRecordedConsumer({ db, log, wake, definitions }),
  });

  await app.listen(config.PORT, config.HOST);
  void health.start();
  await kafka.awaitTopics();
  const listener = await startAccessListener({
    kafka,
    access,
    replicaId: replicaId(SERVICE),
    health: (error) => health.report('access', error),
  });
  await consumer.start();
  relay.start();
  deadlines.start();
  maintenance.start();
  dispatcher.start();
  admission.start();
  health.started();

  return {
    async stop() {
      health.draining();
      await consumer.stop();
      await app.close();
      await Promise.all([deadlines.stop(), maintenance.stop(), dispatcher.stop()]);
      // After the last transaction; what it leaves in the outbox the next start sends.
      await relay.stop();
      await producer.close();
      await admission.stop();
      await listener.stop();
      await Promise.all([db.close(), holdDb.close()]);
    },
  };
}
