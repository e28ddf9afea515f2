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
  Periodic,
  type RunningService,
  replicaId,
} from '@governsai/service';
import { configSchema } from './config.ts';
import { decisionsSubmittedConsumer } from './consumers/decisions-submitted.ts';
import { periodicWork } from './periodic-work.ts';
import { PolicyCache } from './policies/cache.ts';
import { PublishedMarks, SAVE_MARKS_MS } from './published-marks.ts';
import { Publisher } from './publisher.ts';
import { Recorder } from './recorder.ts';
import { createPolicyRoute } from './routes/create-policy.ts';
import { deletePolicyRoute } from './routes/delete-policy.ts';
import { dryRunPoliciesRoute } from './routes/dry-run-policies.ts';
import { erasePersonRoute } from './routes/erase-person.ts';
import { eraseRawTextRoute } from './routes/erase-raw-text.ts';
import { exportDecisionsRoute } from './routes/export-decisions.ts';
import { getChainRoute } from './routes/get-chain.ts';
import { getDecisionRoute } from './routes/get-decision.ts';
import { getPolicyRoute } from './routes/get-policy.ts';
import { getRawTextRoute } from './routes/get-raw-text.ts';
import { listDecisionsRoute } from './routes/list-decisions.ts';
import { listPoliciesRoute } from './routes/list-policies.ts';
import { replacePolicyRoute } from './routes/replace-policy.ts';
import { retentionRoutes } from './routes/retention.ts';
import { verifyChainRoute } from './routes/verify-chain.ts';

export const SERVICE: ServiceName = 'decision-writer';

/** Starts decision-writer: fetch → decide → one transaction → publish → commit, and reading what is stored. */
export async function start(log: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema);
  const health = new Health({ service: SERVICE, intervalMs: config.HEALTH_CHECK_INTERVAL, log });
  const db = createDatabase({ ...databaseOptions(config), applicationName: SERVICE });
  const kafka = createKafka({ ...kafkaOptions(config), clientId: SERVICE, log });
  health.dependency('postgresql', { required: true, check: () => db.ping() });
  health.dependency('kafka', { required: true, check: () => kafka.ping() });

  const producer = kafka.producer();
  const relay = new OutboxRelay({
    store: new OutboxStore(db),
    producer,
    service: SERVICE,
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
  listDecisionsRoute(app, db);
  // Before the one decision by its id, which would take "export" for one.
  exportDecisionsRoute(app, db, wake);
  getDecisionRoute(app, db);
  getRawTextRoute(app, db, wake);
  eraseRawTextRoute(app, db, wake);
  erasePersonRoute(app, db, wake);
  getChainRoute(app, db);
  verifyChainRoute(app, db, wake);
  retentionRoutes(app, db, wake);
  const policyParts = { db, maxPolicies: config.MAX_POLICIES, wake };
  listPoliciesRoute(app, db);
  createPolicyRoute(app, policyParts);
  getPolicyRoute(app, db);
  replacePolicyRoute(app, policyParts);
  deletePolicyRoute(app, policyParts);
  dryRunPoliciesRoute(app, db);

  const marks = new PublishedMarks(db);
  const publisher = new Publisher(db, producer, marks);
  const periodic = periodicWork(config, { db, publisher, log });
  const saving = new Periodic({ name: 'published marks', intervalMs: SAVE_MARKS_MS, log, run: () => marks.save() });
  const consumer = kafka.consumeGroup({
    topic: 'decisions.submitted',
    groupId: SERVICE,
    concurrency: config.RECORD_CONCURRENCY,
    maxBatch: config.RECORD_BATCH,
    health: (error) => health.report('recording', error),
    handler: decisionsSubmittedConsumer({
      recorder: new Recorder(db, new PolicyCache(log), wake),
      publisher,
      producer,
    }),
  });

  await app.listen(config.PORT, config.HOST);
  health.start();
  await kafka.awaitTopics();
  const listener = await startAccessListener({ kafka, access, replicaId: replicaId(SERVICE) });
  await consumer.start();
  for (const work of [saving, ...periodic]) work.start();
  relay.start();
  admission.start();
  health.started();

  return {
    async stop() {
      health.draining();
      await consumer.stop();
      await Promise.all([saving, ...periodic].map((work) => work.stop()));
      // Who takes the partitions over would publish what is not marked once more.
      await saving.round();
      await app.close();
      await relay.stop();
      await producer.close();
      await admission.stop();
      await listener.stop();
      await db.close();
    },
  };
}
