import {
  accessOptions,
  authorize,
  createAccess,
  createAdmission,
  createSocketAdmission,
  startAccessListener,
} from '@governsai/access';
import type { MessageLimits, ServiceName } from '@governsai/contracts';
import { ConnectionCounts, createDatabase, databaseOptions, RateBuckets } from '@governsai/db';
import { createKafka, kafkaOptions } from '@governsai/kafka';
import {
  createHttpApp,
  Health,
  httpAppOptions,
  type Logger,
  loadConfig,
  type RunningService,
  replicaId,
} from '@governsai/service';
import { createSocketServer } from '@governsai/socket';
import { configSchema } from './config.ts';
import { Ingest } from './ingest.ts';
import { createKnownKeys } from './known-keys.ts';
import { postDecisionsRoute } from './routes/post-decisions.ts';
import { relayIngestRoute } from './routes/relay-ingest.ts';
import { ingestHandler } from './socket.ts';
import { createStoredLookup } from './stored-lookup.ts';
import { createSubmissionParser } from './submission.ts';
import { Submitter } from './submitter.ts';

export const SERVICE: ServiceName = 'ingest-gateway';

/** Starts ingest-gateway: frame → parse → decide → produce, by HTTP, by its own socket and for push-gateway's sockets. */
export async function start(log: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema);
  const limits: MessageLimits = {
    messageBytes: config.MAX_MESSAGE_BYTES,
    frameBytes: config.MAX_FRAME_BYTES,
    idempotencyKeyLength: config.MAX_IDEMPOTENCY_KEY_LENGTH,
    tags: config.MAX_TAGS,
    tagLength: config.MAX_TAG_LENGTH,
  };
  const health = new Health({ service: SERVICE, intervalMs: config.HEALTH_CHECK_INTERVAL, log });
  const db = createDatabase({ ...databaseOptions(config), applicationName: SERVICE });
  const kafka = createKafka({ ...kafkaOptions(config), clientId: SERVICE, log });
  // A gateway stays ready without them (G8): an outage of theirs must not empty the Service.
  health.dependency('postgresql', { required: false, check: () => db.ping() });
  health.dependency('kafka', { required: false, check: () => kafka.ping() });

  const access = createAccess({ ...accessOptions(config), log });
  const producer = kafka.producer({ sendTimeoutMs: config.SEND_TIMEOUT_MS });
  const known = createKnownKeys(config.DEDUP_CACHE_KEYS);
  const stored = createStoredLookup({ db, log, deadlineMs: config.DEDUP_DEADLINE_MS });
  const ingest = new Ingest(
    createSubmissionParser(limits),
    new Submitter(producer, known, stored, limits.messageBytes),
  );

  const admission = createAdmission({ service: SERVICE, config, access, tokens: new RateBuckets(db), log });
  const counts = new ConnectionCounts(db);
  const replica = replicaId(SERVICE);
  const socketAdmission = createSocketAdmission({ config, admission, counts, replica, log });
  const app = createHttpApp({
    ...httpAppOptions(config),
    service: SERVICE,
    log,
    health,
    authenticate: admission.authenticate,
    authorize,
    maxBodyBytes: config.MAX_BODY_BYTES,
  });
  postDecisionsRoute(app, ingest, admission);
  relayIngestRoute(app, ingest);
  const sockets = createSocketServer({
    server: app.server,
    paths: ['/ws', '/ws/ingest'],
    access,
    limits,
    maxConnections: config.MAX_CONNECTIONS,
    authDeadlineMs: config.AUTH_DEADLINE_MS,
    heartbeatMs: config.PING_INTERVAL_MS,
    log,
    addressOf: socketAdmission.addressOf,
    admission: socketAdmission,
    handlers: { INGEST: ingestHandler(ingest) },
  });

  await app.listen(config.PORT, config.HOST);
  health.start();
  const listener = await startAccessListener({ kafka, access, replicaId: replica });
  admission.start();
  socketAdmission.start();
  health.started();

  return {
    async stop() {
      health.draining();
      await sockets.drain(config.DRAIN_SECONDS);
      await app.close();
      await producer.close();
      await socketAdmission.stop();
      await admission.stop();
      await listener.stop();
      await db.close();
    },
  };
}
