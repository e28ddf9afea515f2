import { createServer } from 'node:net';
import { newApiKey } from '@governsai/access';
import type { Scope } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase } from '@governsai/db/testing';
import { createTestKafka, type TestKafka } from '@governsai/kafka/testing';
import { createLogger, type RunningService } from '@governsai/service';
import { start } from './app.ts';

/** Auth on a Kafka and a PostgreSQL of its own, reached over HTTP. */
export interface TestAuth {
  url: string;
  db: Database;
  adminUrl: string;
  kafka: TestKafka;
  internalToken: string;
  jwtSecret: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A key of an org, made without auth; returns its secret. */
  addKey(orgId: string, scopes: readonly Scope[], more?: { id?: string; userId?: string }): Promise<string>;
  addOrg(orgId: string): Promise<void>;
  addMember(orgId: string, userId: string, role: string): Promise<void>;
  stop(): Promise<void>;
}

interface CallOptions {
  /** Bearer: an API key or a token. */
  as?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what it is depends on the route; tests say what they expect of it.
  body: any;
}

export async function startTestAuth(env: Record<string, string> = {}): Promise<TestAuth> {
  const [database, kafka] = await Promise.all([createTestDatabase(), createTestKafka()]);
  const db = createDatabase({ url: database.appUrl, poolSize: 3, applicationName: 'auth-test' });
  const port = await freePort();
  const internalToken = 'sixteen-characters';
  const jwtSecret = 'a secret of at least 32 characters';
  Object.assign(process.env, {
    PORT: String(port),
    INTERNAL_TOKEN: internalToken,
    DATABASE_URL: database.appUrl,
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC_PREFIX: kafka.topicPrefix,
    JWT_SECRET: jwtSecret,
    HEALTH_CHECK_INTERVAL: '200',
    LOGIN_ADDRESS_PER_MINUTE: '10000',
    LOGIN_ACCOUNT_PER_MINUTE: '10000',
    ...env,
  });
  const auth: RunningService = await start(createLogger('auth', process.env.TEST_LOG_LEVEL ?? 'silent'));
  const url = `http://127.0.0.1:${port}`;
  let keys = 0;
  return {
    url,
    db,
    adminUrl: database.adminUrl,
    kafka,
    internalToken,
    jwtSecret,
    async call(method, path, { as, body, headers } = {}) {
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...(as !== undefined && { authorization: `Bearer ${as}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const isJson =
        answer.headers.get('content-type')?.includes('json') && !answer.headers.get('content-type')?.includes('ndjson');
      return {
        status: answer.status,
        headers: answer.headers,
        text,
        body: isJson && text !== '' ? JSON.parse(text) : null,
      };
    },
    async addOrg(orgId) {
      await db.transaction([orgId], (tx) =>
        tx.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [orgId]),
      );
    },
    async addMember(orgId, userId, role) {
      await db.system.execute('INSERT INTO users (id, email, name) VALUES ($1, $2, $1) ON CONFLICT DO NOTHING', [
        userId,
        `${userId}@${orgId}.example`,
      ]);
      await db.transaction([orgId], (tx) =>
        tx.execute('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [orgId, userId, role]),
      );
    },
    async addKey(orgId, scopes, { id = `key-${orgId}-${keys++}`, userId } = {}) {
      const { secret, hash, prefix } = newApiKey();
      await db.transaction([orgId], (tx) =>
        tx.execute(
          'INSERT INTO api_keys (id, org_id, user_id, name, prefix, key_hash, scopes) VALUES ($1, $2, $3, $1, $4, $5, $6)',
          [id, orgId, userId ?? null, prefix, hash, scopes],
        ),
      );
      return secret;
    },
    async stop() {
      await auth.stop();
      await db.close();
      await kafka.drop();
      await database.drop();
    },
  };
}

/** Tries again until it holds; the test's own time-out bounds it. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
