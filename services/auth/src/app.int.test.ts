import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { type Access, createAccess, startAccessListener } from '@governsai/access';
import { type AuditRecorded, getHealth } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createTestKafka, type TestKafka } from '@governsai/kafka/testing';
import { createLogger, type RunningService } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { start } from './app.ts';
import { Changes } from './change-access.ts';

const log = createLogger('auth', 'silent');
const internalToken = 'sixteen-characters';
const apiKey = 'gai_of_the_app_test';
const keyHash = createHash('sha256').update(apiKey).digest('hex');

let database: TestDatabase;
let kafka: TestKafka;
let db: Database;
let auth: RunningService;
let authUrl: string;
let access: Access;
let listener: { stop(): Promise<void> };

beforeAll(async () => {
  [database, kafka] = await Promise.all([createTestDatabase(), createTestKafka()]);
  db = createDatabase({ url: database.appUrl, poolSize: 2, applicationName: 'auth-test' });
  await db.transaction(['acme'], async (tx) => {
    await tx.execute(`INSERT INTO organizations (id, name) VALUES ('acme', 'Acme')`);
    await tx.execute(
      `INSERT INTO api_keys (id, org_id, name, prefix, key_hash, scopes)
       VALUES ('key-1', 'acme', 'test', 'gai_', $1, '{decisions:read}')`,
      [keyHash],
    );
  });
  const port = await freePort();
  Object.assign(process.env, {
    PORT: String(port),
    INTERNAL_TOKEN: internalToken,
    DATABASE_URL: database.appUrl,
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC_PREFIX: kafka.topicPrefix,
    JWT_SECRET: 'a secret of at least 32 characters',
    HEALTH_CHECK_INTERVAL: '200',
  });
  auth = await start(log);
  authUrl = `http://127.0.0.1:${port}`;
  access = createAccess({ authUrl, internalToken, stalenessMs: 10_000, log });
  listener = await startAccessListener({ kafka: kafka.kafka, access, replicaId: 'gateway-1' });
});

afterAll(async () => {
  await listener.stop();
  await auth.stop();
  await db.close();
  await kafka.drop();
  await database.drop();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Tries again until it holds; the test's own time-out bounds it. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('auth', () => {
  it('says over Kafka that it is alive', async () => {
    await eventually(async () => {
      const messages = await kafka.readAll('access.changed');
      expect(messages.map(({ value }) => JSON.parse(value.toString()))).toContainEqual(
        expect.objectContaining({ orgId: null, keyId: null, version: expect.any(Number) }),
      );
    });
  });

  it('G7: tells a gateway of a revoked key, which stops working there', async () => {
    await expect(access.verify({ apiKey })).resolves.toMatchObject({ orgId: 'acme', keyId: 'key-1' });
    const heard = new Promise((resolve) => access.onChange(resolve));
    await new Changes(db, () => {}).make({ principal: null, req: {} }, 'acme', async (tx) => {
      await tx.execute(`UPDATE api_keys SET revoked_at = now() WHERE id = 'key-1'`);
      return { result: null, audit: [], access: { keyId: 'key-1' } };
    });
    expect(await heard).toEqual({ orgId: 'acme', keyId: 'key-1' });
    await expect(access.verify({ apiKey })).rejects.toMatchObject({ code: 'AUTH_FAILED' });
  });

  it('stores an audit record once, however often it comes', async () => {
    const record: AuditRecorded = {
      id: 'audit-1',
      orgId: 'acme',
      actor: { userId: null, keyId: 'key-1', service: 'ingest-gateway' },
      action: 'auth.failed',
      target: null,
      result: 'refused',
      ip: '192.0.2.1',
      detail: { channel: 'x' },
      at: '2026-01-01T00:00:00.000Z',
    };
    const producer = kafka.kafka.producer();
    for (const id of ['audit-1', 'audit-1', 'audit-2']) {
      await producer.send('audit.recorded', { key: 'acme', value: { ...record, id } });
    }
    await producer.close();
    const stored = await eventually(async () => {
      const rows = await db.transaction(['acme'], (tx) =>
        tx.query<AuditRecorded>(
          `SELECT org_id, id, actor, action, target, result, ip, detail, at FROM audit_logs WHERE id LIKE 'audit-%' ORDER BY id`,
        ),
      );
      expect(rows.map(({ id }) => id)).toEqual(['audit-1', 'audit-2']);
      return rows[0];
    });
    const { orgId, ...columns } = record;
    expect(stored).toEqual({ org_id: orgId, ...columns });
  });

  it('answers for the health of all services, each by what it says of itself', async () => {
    const health = await eventually(async () => {
      const answer = getHealth.response.parse(await (await fetch(`${authUrl}/v1/health`)).json());
      expect(answer.services.auth.status).toBe('ready');
      return answer;
    });
    expect(Object.keys(health.services).sort()).toEqual([
      'auth',
      'budget-tracker',
      'decision-writer',
      'ingest-gateway',
      'push-gateway',
    ]);
    expect(['ok', 'degraded']).toContain(health.status);
  });
});
