import { authorize, createAccess, credentialFromHttp, startAccessListener } from '@governsai/access';
import type { ServiceName } from '@governsai/contracts';
import { createDatabase, OutboxStore } from '@governsai/db';
import { createKafka, kafkaSecurity, OutboxRelay } from '@governsai/kafka';
import { createHttpApp, Health, type Logger, loadConfig, type RunningService, replicaId } from '@governsai/service';
import { configSchema } from './config.ts';
import { decisionsRecordedConsumer } from './consumers/decisions-recorded.ts';
import { OUTBOX } from './counting.ts';
import { createBudgetRoute } from './routes/create-budget.ts';
import { getBudgetRoute } from './routes/get-budget.ts';
import { listBudgetsRoute } from './routes/list-budgets.ts';

export const SERVICE: ServiceName = 'budget-tracker';

/** Starts budget-tracker: fetch → plan by seq → one transaction → commit, the relay of its events, and its routes. */
export async function start(log: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema);
  const health = new Health({ service: SERVICE, intervalMs: config.HEALTH_CHECK_INTERVAL, log });
  const db = createDatabase({
    url: config.DATABASE_URL,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: SERVICE,
  });
  const kafka = createKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: SERVICE,
    topicPrefix: config.KAFKA_TOPIC_PREFIX,
    ...kafkaSecurity(config),
    log,
  });
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

  const access = createAccess({
    authUrl: config.AUTH_URL,
    internalToken: config.INTERNAL_TOKEN,
    stalenessMs: config.ACCESS_STALENESS,
    log,
  });
  const app = createHttpApp({
    service: SERVICE,
    log,
    health,
    authenticate: (req) => access.verify(credentialFromHttp(req)),
    authorize,
  });
  listBudgetsRoute(app, db);
  getBudgetRoute(app, db);
  createBudgetRoute(app, { db, maxBudgets: config.MAX_BUDGETS, wake });

  const consumer = kafka.consumeGroup({
    topic: 'decisions.recorded',
    groupId: SERVICE,
    concurrency: config.COUNT_CONCURRENCY,
    maxBatch: config.COUNT_BATCH,
    health: (error) => health.report('counting', error),
    handler: decisionsRecordedConsumer({ db, log, wake }),
  });

  await app.listen(config.PORT, config.HOST);
  void health.start();
  await kafka.checkTopics();
  const listener = await startAccessListener({
    kafka,
    access,
    replicaId: replicaId(SERVICE),
    health: (error) => health.report('access', error),
  });
  await consumer.start();
  relay.start();
  health.started();

  return {
    async stop() {
      health.draining();
      await consumer.stop();
      await app.close();
      // After the last transaction; what it leaves in the outbox the next start sends.
      await relay.stop();
      await producer.close();
      await listener.stop();
      await db.close();
      health.stop();
    },
  };
}
