import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  accessOptions,
  authorize,
  createAccess,
  createAdmission,
  createSocketAdmission,
  startAccessListener,
} from '@governsai/access';
import { DEFAULT_LIMITS, type ServiceName } from '@governsai/contracts';
import {
  ConnectionCounts,
  createDatabase,
  type Database,
  databaseOptions,
  RateBuckets,
  ReplicaAddresses,
} from '@governsai/db';
import { createKafka, type KafkaClient, kafkaOptions } from '@governsai/kafka';
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
import { BudgetBoards } from './budgets/budget-boards.ts';
import { Channels } from './channels.ts';
import { type Config, configSchema } from './config.ts';
import { listedSocket } from './connections/listed-socket.ts';
import { ownUrl } from './connections/own-url.ts';
import { Peers } from './connections/peers.ts';
import { Roster } from './connections/roster.ts';
import { budgetsChangedHandler } from './consumers/budgets-changed.ts';
import { decisionsRecordedHandler } from './consumers/decisions-recorded.ts';
import { notificationsRaisedHandler } from './consumers/notifications-raised.ts';
import { EventStreams } from './event-streams/event-streams.ts';
import { mountRoutes } from './http.ts';
import { holdHandler } from './messages/hold.ts';
import { ingestHandler } from './messages/ingest.ts';
import { pingHandler } from './messages/ping.ts';
import { subHandler } from './messages/sub.ts';
import { unsubHandler } from './messages/unsub.ts';
import { readFailures } from './metrics.ts';
import { notificationRetention } from './notifications/retention.ts';
import { createRelays } from './relays.ts';
import { Sessions } from './sessions.ts';
import { DecisionLenses } from './streams/decision-lens.ts';
import { decisionSources } from './streams/decision-source.ts';
import { notificationSources } from './streams/notification-source.ts';
import { StreamRegistry } from './streams/stream-registry.ts';
import { Turns } from './streams/turns.ts';

export const SERVICE: ServiceName = 'push-gateway';

/** A resume is better told to come back than kept waiting. */
const QUERY_TIMEOUT_MS = 5000;
const ACCESS_CACHE_SIZE = 50_000;

/** Starts push-gateway: sockets that subscribe and publish, fed by what is recorded. */
export async function start(log: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema);
  const health = new Health({ service: SERVICE, intervalMs: config.HEALTH_CHECK_INTERVAL, log });
  const db = createDatabase({ ...databaseOptions(config), applicationName: SERVICE, queryTimeoutMs: QUERY_TIMEOUT_MS });
  const kafka = createKafka({ ...kafkaOptions(config), clientId: SERVICE, log });
  // Ready without either: what is open goes on (G8).
  health.dependency('postgresql', { required: false, check: () => db.ping() });
  health.dependency('kafka', { required: false, check: () => kafka.ping() });
  const access = createAccess({ ...accessOptions(config), cacheSize: ACCESS_CACHE_SIZE, log });
  const relays = createRelays(config, health);
  const admission = createAdmission({ service: SERVICE, config, access, tokens: new RateBuckets(db), log });
  const app = createHttpApp({
    ...httpAppOptions(config),
    service: SERVICE,
    log,
    health,
    authenticate: admission.authenticate,
    authorize,
  });
  await app.listen(config.PORT, config.HOST);
  void health.start();

  const feed = createFeed(config, db, kafka, health, log);
  access.start();
  const accessFeed = await startAccessListener({
    kafka,
    access,
    replicaId: replicaId(SERVICE),
    health: (error) => health.report('access.changed', error),
  });
  // Nobody can subscribe before every topic is read from a known place: see PushStream for what relies on it.
  await feed.broadcast.start();

  const sessions = new Sessions(feed.channels, config.MAX_SUBSCRIPTIONS, log);
  const hold = holdHandler(relays.holds, sessions);
  const counts = new ConnectionCounts(db);
  const replica = replicaId(SERVICE);
  const socketAdmission = createSocketAdmission({ config, admission, counts, replica, log });
  const roster = new Roster(replica);
  const streams = new EventStreams({
    channels: feed.channels,
    access,
    admission: socketAdmission,
    roster,
    maxConnections: config.MAX_CONNECTIONS,
    socketsOpen: () => sockets.connections.size,
  });
  const sockets = createSocketServer({
    server: app.server,
    paths: ['/ws'],
    access,
    limits: { ...DEFAULT_LIMITS, messageBytes: config.MAX_MESSAGE_BYTES, frameBytes: config.MAX_FRAME_BYTES },
    maxConnections: config.MAX_CONNECTIONS,
    othersOpen: () => streams.size,
    authDeadlineMs: config.AUTH_DEADLINE_MS,
    heartbeatMs: config.PING_INTERVAL_MS,
    log,
    addressOf: socketAdmission.addressOf,
    admission: socketAdmission,
    handlers: {
      SUB: subHandler(sessions),
      UNSUB: unsubHandler(sessions),
      INGEST: ingestHandler(relays.ingest, sessions),
      HOLD: hold,
      SETTLE: hold,
      RELEASE: hold,
      PING: pingHandler(sessions),
    },
    onAuthenticated: (connection) => {
      roster.add(listedSocket(connection, sessions));
      sessions.recheck(connection);
    },
    onClose: (connection) => {
      if (connection.isAuthenticated) roster.delete(connection.principal.orgId, connection.id);
      sessions.closed(connection);
    },
  });
  const { port } = app.server.address() as AddressInfo;
  const peers = new Peers({
    addresses: new ReplicaAddresses(db),
    roster,
    replica,
    url: config.ADVERTISED_URL ?? ownUrl(config.HOST, port),
    internalToken: config.INTERNAL_TOKEN,
    log,
  });
  const retention = notificationRetention({ db, log, days: config.NOTIFICATION_RETENTION_DAYS });
  mountRoutes(app, { access, db, peers, roster, streams });
  await peers.start();
  retention.start();
  admission.start();
  socketAdmission.start();
  health.started();

  return {
    async stop() {
      health.draining();
      await Promise.all([sockets.drain(config.DRAIN_SECONDS), streams.drain(config.DRAIN_SECONDS)]);
      await Promise.all([admission.stop(), socketAdmission.stop(), peers.stop(), retention.stop()]);
      await Promise.all([feed.stop(), accessFeed.stop(), access.stop(), app.close()]);
      await relays.close();
      await db.close();
    },
  };
}

/** What pushes come from: the topics, and PostgreSQL for what they left out. */
function createFeed(config: Config, db: Database, kafka: KafkaClient, health: Health, log: Logger) {
  const onReadFailure = (error: unknown) => {
    readFailures.inc();
    log.warn({ err: error }, 'live subscribers wait for PostgreSQL');
  };
  const now = () => performance.now();
  const turns = new Turns(now);
  const streams = {
    turns,
    ringBytes: config.PUSH_BUFFER_BYTES,
    slowMs: config.SLOW_CONSUMER_MS,
    onReadFailure,
    pause: (ms: number) => delay(ms),
    now,
  };
  const decisions = new StreamRegistry({ ...streams, sourceOf: decisionSources(db) });
  const notifications = new StreamRegistry({ ...streams, sourceOf: notificationSources(db) });
  const budgets = new BudgetBoards(db, onReadFailure);
  decisions.start();
  notifications.start();
  const broadcast = kafka.broadcast({
    topics: ['decisions.recorded', 'budgets.changed', 'notifications.raised'],
    replicaId: replicaId(SERVICE),
    handlers: {
      'decisions.recorded': decisionsRecordedHandler(decisions, log),
      'budgets.changed': budgetsChangedHandler(budgets, log),
      'notifications.raised': notificationsRaisedHandler(notifications, log),
    },
    onReset: (topic) => {
      if (topic === 'decisions.recorded') decisions.recheck();
      else if (topic === 'budgets.changed') budgets.recheck();
      else notifications.recheck();
    },
    health: (error) => health.report('feed', error),
  });
  return {
    broadcast,
    channels: new Channels(decisions, notifications, budgets, new DecisionLenses(turns)),
    async stop() {
      await broadcast.stop();
      decisions.stop();
      notifications.stop();
    },
  };
}
