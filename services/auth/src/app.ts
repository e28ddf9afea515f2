import { authorize, createAdmission } from '@governsai/access';
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
} from '@governsai/service';
import { AccessReports } from './access-reports.ts';
import { Changes } from './change-access.ts';
import { configSchema } from './config.ts';
import { auditRecordedConsumer } from './consumers/audit-recorded.ts';
import { CredentialStore } from './credential-store.ts';
import { DirectAccess } from './direct-access.ts';
import { SignInGuard } from './guard-sign-in.ts';
import { Heartbeat } from './heartbeat.ts';
import { watchKeys } from './key-metrics.ts';
import { Maintenance } from './maintenance.ts';
import { mountRoutes } from './routes.ts';
import { createTokenReader, ownTokens } from './sessions/create-token-reader.ts';
import { Joining } from './sessions/joining.ts';
import { Passwords } from './sessions/passwords.ts';
import { SignIn } from './sessions/sign-in.ts';
import { TicketStore } from './sessions/ticket-store.ts';
import { SystemHealthReader } from './system-health.ts';
import { Verifier } from './verifier.ts';

export const SERVICE: ServiceName = 'auth';

/** A look-up takes milliseconds; who waits longer is better told to retry. */
const QUERY_TIMEOUT_MS = 5000;
const MINUTE_MS = 60_000;

/** Starts auth: who speaks for whom, the news of its changes, sessions, and the audit log. */
export async function start(log: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema);
  const health = new Health({ service: SERVICE, intervalMs: config.HEALTH_CHECK_INTERVAL, log });
  const db = createDatabase({ ...databaseOptions(config), applicationName: SERVICE, queryTimeoutMs: QUERY_TIMEOUT_MS });
  const kafka = createKafka({ ...kafkaOptions(config), clientId: SERVICE, log });
  // Ready without them: it still says who is alive, and answers UNAVAILABLE where it cannot say more (G8).
  health.dependency('postgresql', { required: false, check: () => db.ping() });
  health.dependency('kafka', { required: false, check: () => kafka.ping() });
  health.dependency('topics', { required: false, check: () => kafka.checkTopics() });

  const producer = kafka.producer();
  const relay = new OutboxRelay({
    store: new OutboxStore(db),
    producer,
    service: SERVICE,
    log,
    health: (error) => health.report('outbox', error),
  });
  const wake = () => relay.wake();
  const changes = new Changes(db, wake);
  const reports = new AccessReports(db, wake);
  const tickets = new TicketStore(db);
  const tokens = createTokenReader(config, log);
  const verifier = new Verifier(new CredentialStore(db), tokens, tickets);
  const access = new DirectAccess(verifier, reports);
  const admission = createAdmission({ service: SERVICE, config, access, tokens: new RateBuckets(db), log });
  const passwords = new Passwords(config.LOGIN_CONCURRENCY);
  const perMinute = (count: number) => ({ perSecond: count / 60, burst: count });

  const app = createHttpApp({
    ...httpAppOptions(config),
    service: SERVICE,
    log,
    health,
    authenticate: admission.authenticate,
    authorize,
  });
  mountRoutes(app, {
    db,
    changes,
    verifier,
    reports,
    tickets,
    passwords,
    signIn: new SignIn({
      db,
      changes,
      passwords,
      tokens: ownTokens(config),
      accessTokenMs: config.ACCESS_TOKEN_MINUTES * MINUTE_MS,
      sessionMs: config.SESSION_HOURS * 60 * MINUTE_MS,
    }),
    joining: new Joining({ db, changes, passwords, reader: tokens }),
    guard: new SignInGuard({
      limiter: admission.limiter,
      log: admission.authentications,
      admitAddress: (address) => admission.admitAddress(address),
      perAddress: perMinute(config.LOGIN_ADDRESS_PER_MINUTE),
      perAccount: perMinute(config.LOGIN_ACCOUNT_PER_MINUTE),
    }),
    systemHealth: new SystemHealthReader({
      own: () => health.readiness(),
      targets: config.HEALTH_TARGETS,
    }),
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
  const keyMetrics = watchKeys(db, log);
  const maintenance = new Maintenance({ db, auditRetentionDays: config.AUDIT_RETENTION_DAYS, wake, log });

  await passwords.warmUp();
  await app.listen(config.PORT, config.HOST);
  health.start();
  heartbeat.start();
  relay.start();
  admission.start();
  maintenance.start();
  void keyMetrics.round();
  keyMetrics.start();
  // Not waited for: credentials can be checked while Kafka is away.
  audit.start().catch((error: unknown) => health.report('audit', error));
  health.started();

  return {
    async stop() {
      health.draining();
      await app.close();
      await heartbeat.stop();
      await admission.stop();
      await maintenance.stop();
      await keyMetrics.stop();
      await relay.stop();
      await audit.stop();
      await producer.close();
      await db.close();
    },
  };
}
