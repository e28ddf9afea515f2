import type { ServiceName } from '@governsai/contracts';
import { createDatabase, OutboxStore } from '@governsai/db';
import { createKafka, kafkaSecurity, OutboxRelay } from '@governsai/kafka';
import { createHttpApp, Health, type Logger, loadConfig, type RunningService } from '@governsai/service';
import { configSchema } from './config.ts';
import { auditRecordedConsumer } from './consumers/audit-recorded.ts';
import { CredentialStore } from './credential-store.ts';
import { Heartbeat } from './heartbeat.ts';
import { getAccessVersionRoute } from './routes/get-access-version.ts';
import { getHealthRoute } from './routes/get-health.ts';
import { verifyCredentialRoute } from './routes/verify-credential.ts';
import { SystemHealthReader } from './system-health.ts';
import { Verifier } from './verifier.ts';

export const SERVICE: ServiceName = 'auth';

/** A look-up takes milliseconds; who waits longer is better told to retry. */
const QUERY_TIMEOUT_MS = 5000;

/** Starts auth: who speaks for whom, the news of its changes, and the audit log. */
export async function start(log: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema);
  const health = new Health({ service: SERVICE, intervalMs: config.HEALTH_CHECK_INTERVAL, log });
  const db = createDatabase({
    url: config.DATABASE_URL,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: SERVICE,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
  });
  const kafka = createKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: SERVICE,
    topicPrefix: config.KAFKA_TOPIC_PREFIX,
    ...kafkaSecurity(config),
    log,
  });
  // Ready without them: it still says who is alive, and answers UNAVAILABLE where it cannot say more (G8).
  health.dependency('postgresql', { required: false, check: () => db.ping() });
  health.dependency('kafka', { required: false, check: () => kafka.ping() });
  health.dependency('topics', { required: false, check: () => kafka.checkTopics() });

  const verifier = new Verifier(new CredentialStore(db), {
    secret: config.JWT_SECRET,
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
  });
  const systemHealth = new SystemHealthReader({
    own: () => health.readiness().status,
    targets: config.HEALTH_TARGETS,
  });

  const app = createHttpApp({ service: SERVICE, log, health, internalToken: config.INTERNAL_TOKEN });
  verifyCredentialRoute(app, verifier);
  getAccessVersionRoute(app, verifier);
  getHealthRoute(app, systemHealth);

  const producer = kafka.producer();
  const relay = new OutboxRelay({
    store: new OutboxStore(db),
    producer,
    service: SERVICE,
    log,
    health: (error) => health.report('outbox', error),
  });
  const heartbeat = new Heartbeat({
    version: () => verifier.version(),
    send: (key, value) => producer.send('access.changed', { key, value }),
    log,
  });
  const audit = kafka.consumeGroup({
    topic: 'audit.recorded',
    groupId: SERVICE,
    handler: auditRecordedConsumer(db),
    health: (error) => health.report('audit', error),
  });

  await app.listen(config.PORT, config.HOST);
  health.start();
  heartbeat.start();
  relay.start();
  // Not waited for: credentials can be checked while Kafka is away.
  audit.start().catch((error: unknown) => health.report('audit', error));
  health.started();

  return {
    async stop() {
      health.draining();
      await app.close();
      await heartbeat.stop();
      await relay.stop();
      await audit.stop();
      await producer.close();
      await db.close();
      health.stop();
    },
  };
}
