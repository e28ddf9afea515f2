import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type BudgetsChanged,
  type ChainRecord,
  canonicalJson,
  type DecisionsRecorded,
  decisionViewOf,
  getAccessVersion,
  type NotificationsRaised,
  type Principal,
  relayIngest,
  verifyCredential,
} from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import type { Producer } from '@governsai/kafka';
import { createTestKafka, type TestKafka } from '@governsai/kafka/testing';
import { createHttpApp, createLogger, Health, type HttpApp, type RunningService } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { start } from './app.ts';
import { hashOf, recordOf, type Say, store } from './testing.ts';

const log = createLogger('push-gateway', 'silent');
const internalToken = 'sixteen-characters';

type Message = Record<string, unknown> & { type: string };

/** The credentials that auth knows here. */
const keys = new Map<string, Principal>();
const key = (name: string, over: Partial<Principal> = {}) => {
  const apiKey = `gai_${name}`;
  const principal: Principal = {
    kind: 'apiKey',
    orgId: 'acme',
    userId: 'user-1',
    keyId: name,
    scopes: ['decisions:write', 'decisions:read', 'budget:read', 'notifications:read'],
    expiresAt: null,
    ...over,
  };
  keys.set(hashOf(apiKey), principal);
  return apiKey;
};

let database: TestDatabase;
let kafka: TestKafka;
let db: Database;
let producer: Producer;
let auth: HttpApp;
let ingest: HttpApp;
let heartbeat: NodeJS.Timeout;
let gateway: RunningService;
let url: string;
let version = 1;
const relayed: unknown[] = [];
/** What ingest-gateway waits for before it answers. */
let relaying: Promise<void> = Promise.resolve();
const clients: Client[] = [];

class Client {
  readonly messages: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly ws: WebSocket;
  isClosed = false;

  constructor(apiKey: string | null, gatewayUrl = url, headers = {}) {
    this.ws = new WebSocket(`${gatewayUrl}${apiKey ? `?key=${apiKey}` : ''}`, { headers });
    this.ws.on('message', (data) => this.messages.push(JSON.parse(String(data))));
    this.ws.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.ws.on('close', (code, reason) => {
        this.isClosed = true;
        resolve({ code, reason: reason.toString() });
      }),
    );
    clients.push(this);
  }
  async send(message: object): Promise<void> {
    if (this.ws.readyState === WebSocket.CONNECTING) await new Promise((resolve) => this.ws.once('open', resolve));
    this.ws.send(JSON.stringify(message));
  }
  /** Subscribes and waits for SUB_SUCCESS. */
  async sub(channels: string[], since?: Record<string, number>, selection: object = {}): Promise<Message> {
    const answers = this.of('SUB_SUCCESS').length;
    await this.send({ type: 'SUB', channels, since, ...selection });
    await eventually(() => this.of('SUB_SUCCESS').length > answers);
    return this.of('SUB_SUCCESS').at(-1) as Message;
  }
  of(type: string): Message[] {
    return this.messages.filter((message) => message.type === type);
  }
  seqs(type = 'DECISION'): unknown[] {
    return this.of(type).map(({ seq }) => seq);
  }
}

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`did not happen within 20 s: ${condition}`);
    await delay(5);
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Publishes stored decisions as decision-writer does. */
async function publish(orgId: string, seqs: number[], say?: Say): Promise<void> {
  const messages = seqs.map((seq) => {
    const record = recordOf(orgId, seq, say);
    const value: DecisionsRecorded = {
      seq,
      decision: decisionViewOf(record, hashOf(canonicalJson(record))),
      userId: null,
      keyId: record.keyId ?? null,
      usage: (record.usage as DecisionsRecorded['usage']) ?? null,
      receivedAt: record.receivedAt,
      recordedAt: record.recordedAt,
    };
    return { key: orgId, value };
  });
  await producer.sendAll('decisions.recorded', messages);
}

async function storeAndPublish(orgId: string, from: number, to: number, say?: Say): Promise<void> {
  await store(db, orgId, from, to, say);
  await publish(orgId, range(from, to), say);
}

let orgs = 0;
/** An org of a test's own, with a key that may do everything. */
async function newOrg(): Promise<{ orgId: string; apiKey: string; channel: string }> {
  const orgId = `org-${++orgs}`;
  await db.transaction([orgId], (tx) => tx.execute(`INSERT INTO organizations (id, name) VALUES ($1, $1)`, [orgId]));
  return { orgId, apiKey: key(`key-${orgId}`, { orgId }), channel: `org:${orgId}:decisions` };
}

async function startGateway(environment = {}): Promise<{ gateway: RunningService; url: string }> {
  const port = await freePort();
  Object.assign(process.env, {
    PORT: String(port),
    INTERNAL_TOKEN: internalToken,
    DATABASE_URL: database.appUrl,
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC_PREFIX: kafka.topicPrefix,
    AUTH_URL: urlOf(auth),
    INGEST_URL: urlOf(ingest),
    BUDGETS_URL: 'http://127.0.0.1:1',
    DRAIN_SECONDS: '5',
    PUSH_BUFFER_BYTES: '200000',
    SLOW_CONSUMER_MS: '500',
    HEALTH_CHECK_INTERVAL: '200',
    ...environment,
  });
  // Read at once: the next one is started with what it is given.
  const starting = start(log);
  for (const name of Object.keys(environment)) delete process.env[name];
  return { gateway: await starting, url: `ws://127.0.0.1:${port}/ws` };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

function urlOf(app: HttpApp): string {
  const address = app.server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

async function serve(mount: (app: HttpApp) => void): Promise<HttpApp> {
  const health = new Health({ service: 'test', intervalMs: 1000, log });
  const app = createHttpApp({ service: 'test', log, health, internalToken });
  mount(app);
  await app.listen(0, '127.0.0.1');
  return app;
}

async function sayAccess(orgId: string | null, keyId: string | null): Promise<void> {
  const value = { version, orgId, keyId, at: new Date().toISOString() };
  await producer.send('access.changed', { key: orgId ?? 'heartbeat', value });
}

beforeAll(async () => {
  [database, kafka] = await Promise.all([createTestDatabase(), createTestKafka()]);
  db = createDatabase({ url: database.appUrl, poolSize: 4, applicationName: 'push-test' });
  producer = kafka.kafka.producer();
  auth = await serve((app) => {
    app.mount(verifyCredential, async ({ body }) => {
      const principal = 'keyHash' in body ? (keys.get(body.keyHash) ?? null) : null;
      return { version, principal, reason: principal ? null : ('AUTH_FAILED' as const) };
    });
    app.mount(getAccessVersion, async () => ({ version }));
  });
  ingest = await serve((app) => {
    app.mount(relayIngest, async ({ body }) => {
      const { items } = body as { items: { message: { idempotencyKey: string }; principal: Principal }[] };
      relayed.push(...items);
      await relaying;
      return {
        results: items.map(({ message: { idempotencyKey: id } }) =>
          id === 'refused'
            ? {
                error: {
                  code: 'VALIDATION_FAILED' as const,
                  message: 'data.decision: wrong',
                  id,
                  path: 'data.decision',
                },
              }
            : { id, decisionId: `dec_${hashOf(id).slice(0, 32)}`, dedup: false, schema: 'decision.v1' as const },
        ),
      };
    });
  });
  heartbeat = setInterval(() => void sayAccess(null, null).catch(() => {}), 250);
  ({ gateway, url } = await startGateway());
});

afterAll(async () => {
  for (const { ws } of clients) ws.terminate();
  await gateway.stop();
  clearInterval(heartbeat);
  await Promise.all([auth.close(), ingest.close(), producer.close()]);
  await db.close();
  await kafka.drop();
  await database.drop();
});

describe('decisions', () => {
  it('G4: pushes what is recorded after SUB, in order, once, whatever Kafka repeats', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    await storeAndPublish(orgId, 1, 3);
    const client = new Client(apiKey);
    expect(await client.sub([channel])).toEqual({
      type: 'SUB_SUCCESS',
      channels: [channel],
      positions: { [channel]: 3 },
    });
    await storeAndPublish(orgId, 4, 6);
    await publish(orgId, [4, 5, 6]);
    await storeAndPublish(orgId, 7, 7);
    await eventually(() => client.seqs().includes(7));
    expect(client.seqs()).toEqual([4, 5, 6, 7]);
    expect(client.of('DECISION')[0]).toMatchObject({
      channel,
      seq: 4,
      data: { orgId, tool: 'web.fetch', tags: [], hash: expect.any(String), timestamp: '2026-01-01T00:00:00.000Z' },
    });
  });

  it('G4: fills what Kafka left out from PostgreSQL', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const client = new Client(apiKey);
    await client.sub([channel]);
    await store(db, orgId, 1, 400);
    await publish(orgId, [1, 2, 400]);
    await eventually(() => client.seqs().length >= 400);
    expect(client.seqs()).toEqual(range(1, 400));
  });

  it('G4: resumes after since from PostgreSQL and goes on live without a hole, while decisions keep coming', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    await store(db, orgId, 1, 1000);
    const feeding = (async () => {
      for (let seq = 1001; seq <= 1060; seq += 3) await storeAndPublish(orgId, seq, seq + 2);
    })();
    const resuming = [0, 1, 255, 256, 257, 999].map(async (since) => {
      const client = new Client(apiKey);
      await client.sub([channel], { [channel]: since });
      return { client, since };
    });
    const resumed = await Promise.all(resuming);
    await feeding;
    for (const { client, since } of resumed) {
      await eventually(() => client.seqs().includes(1060));
      expect(client.seqs()).toEqual(range(since + 1, 1060));
    }
  });

  it('G4: live and resumed pushes of a decision are the same', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const live = new Client(apiKey);
    await live.sub([channel]);
    await storeAndPublish(orgId, 1, 2);
    await eventually(() => live.seqs().length === 2);
    const { gateway: other, url: otherUrl } = await startGateway();
    const resumed = new Client(apiKey, otherUrl);
    await resumed.sub([channel], { [channel]: 0 });
    await eventually(() => resumed.seqs().length === 2);
    expect(resumed.of('DECISION')).toEqual(live.of('DECISION'));
    resumed.ws.terminate();
    await other.stop();
  });

  it('answers RESUME_GAP with firstSeq for what has been pruned, and subscribes the rest', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    await store(db, orgId, 1, 20);
    await db.transaction([orgId], async (tx) => {
      await tx.execute('UPDATE org_chains SET first_seq = 11 WHERE org_id = $1', [orgId]);
    });
    // As the owner: services may only add to a chain.
    const admin = createDatabase({ url: database.adminUrl, poolSize: 1, applicationName: 'prune' });
    await admin.system.execute('DELETE FROM decisions WHERE org_id = $1 AND seq < 11', [orgId]);
    await admin.close();
    const client = new Client(apiKey);
    const budget = `org:${orgId}:budget`;
    await client.sub([channel, budget], { [channel]: 3 });
    expect(client.messages).toEqual([
      expect.objectContaining({ type: 'ERROR', code: 'RESUME_GAP', channel, firstSeq: 11 }),
      { type: 'SUB_SUCCESS', channels: [budget], positions: {} },
    ]);
    await client.sub([channel], { [channel]: 10 });
    await eventually(() => client.seqs().length === 10);
    expect(client.seqs()).toEqual(range(11, 20));
  });

  it('sends nothing after UNSUB_SUCCESS', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const client = new Client(apiKey);
    await client.sub([channel]);
    await storeAndPublish(orgId, 1, 1);
    await eventually(() => client.seqs().length === 1);
    await client.send({ type: 'UNSUB', channels: [channel] });
    await eventually(() => client.of('UNSUB_SUCCESS').length === 1);
    const witness = new Client(apiKey);
    await witness.sub([channel]);
    await storeAndPublish(orgId, 2, 2);
    await eventually(() => witness.seqs().length === 1);
    expect(client.seqs()).toEqual([1]);
  });

  it('closes a consumer that does not read with 4430; it resumes without a hole', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const slow = new Client(apiKey);
    const healthy = new Client(apiKey);
    await Promise.all([slow.sub([channel]), healthy.sub([channel])]);
    slow.ws.pause();
    const say: Say = () => ({ scope: 'x'.repeat(8000) });
    const seq = 2000;
    await store(db, orgId, 1, seq, say);
    // All stored before, so that this is quick: who is being closed and does not read is cut off after 10 s, without a code. Enough to
    // fill the kernel's buffers, too.
    for (let first = 1; first <= seq; first += 50) await publish(orgId, range(first, first + 49), say);
    await eventually(() => healthy.seqs().includes(seq));
    // SLOW_CONSUMER_MS, and the gateway has noticed.
    await delay(1500);
    slow.ws.resume();
    expect((await slow.closed).code).toBe(4430);
    expect(healthy.seqs()).toEqual(range(1, seq));
    const seen = slow.seqs() as number[];
    expect(seen).toEqual(range(1, seen.length));
    const resumed = new Client(apiKey);
    await resumed.sub([channel], { [channel]: seen.length });
    await eventually(() => resumed.seqs().includes(seq));
    expect(resumed.seqs()).toEqual(range(seen.length + 1, seq));
  }, 240_000);
});

describe('filters, fields and tool globs', () => {
  const TOOLS = ['web.fetch', 'web.search', 'shell.exec', 'sql.query'];
  const say: Say = (seq) => ({
    tool: TOOLS[seq % 4] as string,
    decision: seq % 3 === 0 ? 'deny' : 'allow',
    keyId: `key-${seq % 5}`,
    usage: { cost: String(seq % 7) },
  });
  const matching = (to: number, matches: (seq: number) => boolean, from = 1) => range(from, to).filter(matches);

  it('G4: what a filter lets through is the same live, resumed from memory and resumed from PostgreSQL', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const filter = 'decision == "deny" && tool.startsWith("web.") || usage.cost > 5.0 && keyId == "key-1"';
    const expected = matching(1200, (seq) => (seq % 3 === 0 && seq % 4 < 2) || (seq % 7 > 5 && seq % 5 === 1));
    const live = new Client(apiKey);
    await live.sub([channel], undefined, { filter });
    for (let seq = 1; seq <= 1200; seq += 100) await storeAndPublish(orgId, seq, seq + 99, say);
    await eventually(() => live.seqs().length >= expected.length);
    const memory = new Client(apiKey);
    await memory.sub([channel], { [channel]: 1000 }, { filter });
    const { gateway: other, url: otherUrl } = await startGateway();
    const stored = new Client(apiKey, otherUrl);
    await stored.sub([channel], { [channel]: 0 }, { filter });
    await eventually(() => memory.seqs().includes(expected.at(-1)) && stored.seqs().includes(expected.at(-1)));
    expect(live.seqs()).toEqual(expected);
    expect(stored.of('DECISION')).toEqual(live.of('DECISION'));
    expect(memory.seqs()).toEqual(expected.filter((seq) => seq > 1000));
    stored.ws.terminate();
    await other.stop();
  });

  it('G4: PONG says how far a filtered subscription has come, and from there it resumes without a miss', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    await store(db, orgId, 1, 600, say);
    const filter = 'tool == "sql.query"';
    const client = new Client(apiKey);
    await client.sub([channel], { [channel]: 0 }, { filter });
    await storeAndPublish(orgId, 601, 602, say);
    const position = () => (client.of('PONG').at(-1)?.positions as Record<string, number> | undefined)?.[channel];
    while (position() !== 602) {
      await client.send({ type: 'PING' });
      const pongs = client.of('PONG').length;
      await eventually(() => client.of('PONG').length > pongs);
      // Every match up to there came before, and what came behind it is another matter.
      const before = client.messages.slice(
        0,
        client.messages.findLastIndex(({ type }) => type === 'PONG'),
      );
      const seqs = before.flatMap(({ type, seq }) => (type === 'DECISION' ? [seq] : []));
      expect(seqs).toEqual(matching(position() ?? 0, (seq) => seq % 4 === 3));
    }
    client.ws.terminate();
    await storeAndPublish(orgId, 603, 700, say);
    const again = new Client(apiKey);
    await again.sub([channel], { [channel]: 602 }, { filter });
    await eventually(() => again.seqs().includes(699));
    expect(again.seqs()).toEqual(matching(700, (seq) => seq % 4 === 3, 603));
    const plain = new Client(apiKey);
    await plain.sub([channel]);
    await plain.send({ type: 'PING' });
    await eventually(() => plain.of('PONG').length === 1);
    expect(plain.of('PONG')[0]).not.toHaveProperty('positions');
  });

  it('pushes the members asked for, and a tool glob under its own name beside all decisions', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const web = `${channel}:tool:web.*`;
    const client = new Client(apiKey);
    expect(await client.sub([channel, web], { [web]: 0 }, { fields: ['tool', 'decision'] })).toMatchObject({
      channels: [channel, web],
      positions: { [channel]: 0, [web]: 0 },
    });
    await storeAndPublish(orgId, 1, 4, say);
    await eventually(() => client.seqs().length >= 6);
    const pushed = (name: string) => client.of('DECISION').filter((message) => message.channel === name);
    expect(pushed(channel)).toEqual(
      range(1, 4).map((seq) => ({
        type: 'DECISION',
        channel,
        seq,
        data: { decision: say(seq).decision, tool: say(seq).tool },
      })),
    );
    expect(pushed(web).map(({ seq }) => seq)).toEqual([1, 4]);
    await client.send({ type: 'UNSUB', channels: [channel] });
    await eventually(() => client.of('UNSUB_SUCCESS').length === 1);
    await storeAndPublish(orgId, 5, 9, say);
    await eventually(() => client.seqs().includes(9));
    expect(pushed(web).map(({ seq }) => seq)).toEqual([1, 4, 5, 8, 9]);
    expect(pushed(channel)).toHaveLength(4);
  });

  it('G4: a later SUB changes what a subscription gets and leaves no hole', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const client = new Client(apiKey);
    await client.sub([channel], undefined, { filter: 'decision == "deny"' });
    await storeAndPublish(orgId, 1, 6, say);
    await eventually(() => client.seqs().length === 2);
    await client.sub([channel]);
    await storeAndPublish(orgId, 7, 8, say);
    await eventually(() => client.seqs().length === 4);
    await client.sub([channel], { [channel]: 0 }, { filter: 'decision == "allow"' });
    await eventually(() => client.seqs().length === 10);
    expect(client.seqs()).toEqual([3, 6, 7, 8, 1, 2, 4, 5, 7, 8]);
  });

  it('refuses the whole SUB when what is asked for is wrong, names the field, and goes on', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const client = new Client(apiKey);
    const refusals: [object, string, RegExp][] = [
      [{ filter: 'tool ==' }, 'filter', /at character 8/],
      [{ filter: 'userId == "u1"' }, 'filter', /userId is not available here.*at character 1\b/],
      [{ filter: 'decision' }, 'filter', /must yield a bool/],
      [{ filter: 'a'.repeat(2049) }, 'filter', /2048/],
      [{ fields: ['tool', 'rawText'] }, 'fields', /"rawText" is no member of data/],
      [{ fields: [] }, 'fields', /fields/],
      [{ channels: [`org:${orgId}:budget`], filter: 'true' }, 'filter', /applies to decisions/],
      [{ channels: [`org:${orgId}:budget`], fields: ['id'] }, 'fields', /applies to decisions/],
    ];
    for (const [index, [sub, path, message]] of refusals.entries()) {
      await client.send({ type: 'SUB', channels: [channel], ...sub });
      await eventually(() => client.of('ERROR').length > index);
      expect(client.of('ERROR').at(-1)).toMatchObject({
        code: 'VALIDATION_FAILED',
        path,
        message: expect.stringMatching(message),
      });
    }
    expect(client.of('SUB_SUCCESS')).toEqual([]);
    await client.sub([channel]);
    await storeAndPublish(orgId, 1, 1);
    await eventually(() => client.seqs().length === 1);
  });

  it('leaves out a decision that its filter fails for, and goes on', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const client = new Client(apiKey);
    await client.sub([channel], undefined, { filter: 'tags[1] == "eu"' });
    await storeAndPublish(orgId, 1, 3, (seq) => (seq === 2 ? { tags: ['x', 'eu'] } : {}));
    await eventually(() => client.seqs().length === 1);
    expect(client.seqs()).toEqual([2]);
  });

  it('has no more subscriptions on a connection than it may', async () => {
    const { gateway: small, url: smallUrl } = await startGateway({ MAX_SUBSCRIPTIONS: '3' });
    const { apiKey, channel } = await newOrg();
    const client = new Client(apiKey, smallUrl);
    const names = ['a', 'b', 'c'].map((tool) => `${channel}:tool:${tool}`);
    await client.sub(names);
    expect(await client.sub([channel, `${channel}:tool:a`])).toMatchObject({ channels: [`${channel}:tool:a`] });
    expect(client.of('ERROR')).toEqual([
      expect.objectContaining({
        code: 'VALIDATION_FAILED',
        path: 'channels',
        channel,
        message: expect.stringMatching(/3/),
      }),
    ]);
    client.ws.terminate();
    await small.stop();
  });
});

describe('docs/push.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/push.md'), 'utf8');
  const examples = [...page.matchAll(/^```text\n(.*?)^```/gms)].map(([, text]) => text?.trim().split('\n') ?? []);

  /** The decisions of the page, by seq: the four that are there at first, then those that examples record. */
  const recorded: Partial<ChainRecord>[] = [{}];
  const say: Say = (seq) => ({ scope: 'https://api.example.com', ...recorded[seq] });

  /** What an example prints, where `…` is any value. */
  const anything = (value: unknown): unknown => {
    if (value === '…') return expect.anything();
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([name, member]) => [name, anything(member)]);
    return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
  };

  it('shows what really happens', async () => {
    const orgId = 'acme';
    await db.transaction([orgId], (tx) => tx.execute(`INSERT INTO organizations (id, name) VALUES ($1, $1)`, [orgId]));
    const apiKey = key('key-acme', { orgId });
    for (const [, tool, decision] of page.matchAll(/^\| \d \| `([\w.]+)` \| (allow|deny) \|$/gm)) {
      recorded.push({ tool, decision: decision as ChainRecord['decision'] });
    }
    await storeAndPublish(orgId, 1, recorded.length - 1, say);
    expect(recorded).toHaveLength(5);
    expect(examples).toHaveLength(6);
    for (const lines of examples) {
      const client = new Client(apiKey);
      const received: unknown[] = [];
      for (const line of lines) {
        const [, what, json = ''] = /^([→←·]) (.*)$/.exec(line) ?? [];
        const message = JSON.parse(json);
        if (what === '→') {
          await client.send(message);
        } else if (what === '·') {
          const { seq, ...said } = message;
          recorded[seq] = said;
          await storeAndPublish(orgId, seq, seq, say);
        } else {
          received.push(anything(message));
          await eventually(() => client.messages.length >= received.length);
        }
      }
      expect(client.messages).toEqual(received);
      client.ws.terminate();
    }
  });
});

describe('isolation', () => {
  it('G6: refuses channels of others, names each, and subscribes the rest', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const { channel: other } = await newOrg();
    const client = new Client(apiKey);
    await client.sub([other, 'nonsense', 'user:user-2:notifications', channel]);
    expect(client.messages).toEqual([
      expect.objectContaining({ type: 'ERROR', code: 'FORBIDDEN', channel: other }),
      expect.objectContaining({ type: 'ERROR', code: 'VALIDATION_FAILED', channel: 'nonsense' }),
      expect.objectContaining({ type: 'ERROR', code: 'FORBIDDEN', channel: 'user:user-2:notifications' }),
      { type: 'SUB_SUCCESS', channels: [`org:${orgId}:decisions`], positions: { [`org:${orgId}:decisions`]: 0 } },
    ]);
  });

  it('G6: pushes nothing of another org', async () => {
    const mine = await newOrg();
    const other = await newOrg();
    const client = new Client(mine.apiKey);
    const witness = new Client(other.apiKey);
    await client.sub([mine.channel]);
    await witness.sub([other.channel]);
    await storeAndPublish(other.orgId, 1, 5);
    await storeAndPublish(mine.orgId, 1, 1);
    await eventually(() => witness.seqs().length === 5 && client.seqs().length === 1);
    expect(JSON.stringify(client.messages)).not.toContain(other.orgId);
  });

  it('answers SUB_SUCCESS with no channel when all are refused', async () => {
    const { apiKey } = await newOrg();
    const client = new Client(apiKey);
    expect(await client.sub(['nonsense'])).toEqual({ type: 'SUB_SUCCESS', channels: [], positions: {} });
  });

  it('G7: ends the subscription when the key loses its scope, and the connection when it is revoked', async () => {
    const { orgId, channel } = await newOrg();
    const apiKey = key('changing', { orgId });
    const client = new Client(apiKey);
    await client.sub([channel]);
    key('changing', { orgId, scopes: ['budget:read'] });
    version++;
    await sayAccess(orgId, 'changing');
    await eventually(() => client.of('ERROR').length === 1);
    expect(client.of('ERROR')[0]).toMatchObject({ code: 'FORBIDDEN', channel });
    const witness = new Client(key('staying', { orgId }));
    await witness.sub([channel]);
    await storeAndPublish(orgId, 1, 1);
    await eventually(() => witness.seqs().length === 1);
    expect(client.seqs()).toEqual([]);
    keys.delete(hashOf('gai_changing'));
    version++;
    await sayAccess(orgId, 'changing');
    expect((await client.closed).code).toBe(4401);
    expect(witness.isClosed).toBe(false);
  });
});

describe('budgets', () => {
  const stateOf = (orgId: string, budgetVersion: number): BudgetsChanged => ({
    orgId,
    budgetId: `budget-${orgId}`,
    version: budgetVersion,
    scope: {},
    limit: '7000',
    used: String(budgetVersion),
    held: '0',
    remaining: String(7000 - budgetVersion),
    percentUsed: 0.1,
    unit: 'currency',
    currency: 'USD',
    period: 'total',
    updatedAt: '2026-01-01T00:00:00.000Z',
  });

  it('sends the current state after SUB_SUCCESS, then each change with a higher version', async () => {
    const { orgId, apiKey } = await newOrg();
    await db.transaction([orgId], async (tx) => {
      await tx.execute(
        `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, hard)
         VALUES ($1, $2, 'all', 7000, 'currency', 'USD', 'total', false)`,
        [`budget-${orgId}`, orgId],
      );
      await tx.execute('INSERT INTO budget_states (budget_id, org_id, version, state) VALUES ($1, $2, 3, $3)', [
        `budget-${orgId}`,
        orgId,
        stateOf(orgId, 3),
      ]);
    });
    const client = new Client(apiKey);
    const channel = `org:${orgId}:budget`;
    await client.sub([channel]);
    await eventually(() => client.of('BUDGET_UPDATE').length === 1);
    expect(client.messages.map(({ type }) => type)).toEqual(['SUB_SUCCESS', 'BUDGET_UPDATE']);
    expect(client.of('BUDGET_UPDATE')[0]).toMatchObject({
      channel,
      data: {
        orgId,
        budgetUsed: 3,
        budgetRemaining: 6997,
        budgetTotal: 7000,
        currentSpend: 3,
        remaining: 6997,
        limit: 7000,
      },
    });
    for (const budgetVersion of [2, 3, 5, 4, 6]) {
      await producer.send('budgets.changed', { key: orgId, value: stateOf(orgId, budgetVersion) });
    }
    await eventually(() => client.of('BUDGET_UPDATE').length === 3);
    expect(client.of('BUDGET_UPDATE').map(({ data }) => (data as { version: number }).version)).toEqual([3, 5, 6]);
  });
});

describe('notifications', () => {
  it('G4: sends the stored ones after since, then live ones, of this user and org only', async () => {
    const { orgId, apiKey } = await newOrg();
    const notification = (seq: number) => ({
      id: `n-${orgId}-${seq}`,
      kind: 'budget.threshold',
      severity: 'warning' as const,
      title: 'Half used',
      body: 'Half of the budget is used.',
      timestamp: '2026-01-01T00:00:00.123Z',
      budgetId: 'b',
    });
    const insert = (seq: number) =>
      db.transaction([orgId], async (tx) => {
        await tx.execute(
          `INSERT INTO notification_heads (org_id, user_id, seq) VALUES ($1, 'user-1', $2)
           ON CONFLICT (org_id, user_id) DO UPDATE SET seq = $2`,
          [orgId, seq],
        );
        const { id, kind, severity, title, body, timestamp, budgetId } = notification(seq);
        await tx.execute(
          `INSERT INTO notifications (org_id, user_id, seq, id, kind, severity, title, body, data, created_at)
           VALUES ($1, 'user-1', $2, $3, $4, $5, $6, $7, $8, $9)`,
          [orgId, seq, id, kind, severity, title, body, { budgetId }, timestamp],
        );
      });
    for (const seq of [1, 2, 3]) await insert(seq);
    const client = new Client(apiKey);
    const channel = 'user:user-1:notifications';
    expect(await client.sub([channel], { [channel]: 1 })).toMatchObject({ positions: { [channel]: 3 } });
    await insert(4);
    const raise = (userId: string, seq: number): Promise<void> => {
      const value: NotificationsRaised = { orgId, userId, seq, notification: notification(seq) };
      return producer.send('notifications.raised', { key: orgId, value });
    };
    await raise('user-2', 9);
    await raise('user-1', 4);
    await eventually(() => client.seqs('NOTIFICATION').includes(4));
    expect(client.seqs('NOTIFICATION')).toEqual([2, 3, 4]);
    const [stored, , live] = client.of('NOTIFICATION');
    expect(stored).toEqual({ type: 'NOTIFICATION', channel, seq: 2, data: notification(2) });
    expect(live).toEqual({ type: 'NOTIFICATION', channel, seq: 4, data: notification(4) });
  });
});

describe('ingest', () => {
  const message = (idempotencyKey: string) => ({ type: 'INGEST', schema: 'decision.v1', idempotencyKey, data: {} });

  it('answers each INGEST with the ACK or ERROR of ingest-gateway, in order, on its own socket', async () => {
    const { apiKey, orgId } = await newOrg();
    const client = new Client(apiKey);
    const other = new Client(apiKey);
    const ids = range(1, 200).map((i) => `i-${i}`);
    for (const id of ids) await client.send(message(id));
    await other.send(message('refused'));
    await eventually(() => client.of('ACK').length === 200 && other.of('ERROR').length === 1);
    expect(client.of('ACK').map(({ id }) => id)).toEqual(ids);
    expect(client.of('ACK')[0]).toEqual({
      type: 'ACK',
      id: 'i-1',
      decisionId: expect.stringMatching(/^dec_/),
      dedup: false,
      schema: 'decision.v1',
      timestamp: expect.any(String),
    });
    expect(other.of('ERROR')[0]).toMatchObject({ code: 'VALIDATION_FAILED', id: 'refused', path: 'data.decision' });
    expect(
      relayed.find((one) => (one as { message: { idempotencyKey: string } }).message.idempotencyKey === 'i-1'),
    ).toMatchObject({
      principal: { orgId, keyId: `key-${orgId}` },
    });
  });

  it('hands on the INGEST of a client that closes at once', async () => {
    const { apiKey } = await newOrg();
    const client = new Client(apiKey);
    await client.send(message('fire-and-forget'));
    client.ws.close();
    await eventually(() => JSON.stringify(relayed).includes('fire-and-forget'));
  });
});

describe('limits', () => {
  it('are what the environment says', async () => {
    const { gateway: small, url: smallUrl } = await startGateway({
      ALLOWED_ORIGINS: 'https://app.example',
      MAX_CONNECTIONS: '2',
      AUTH_DEADLINE_MS: '300',
      MAX_MESSAGE_BYTES: '2000',
      MAX_FRAME_BYTES: '4000',
      RATE_LIMIT_KEY: '1',
      RATE_LIMIT_KEY_BURST: '4',
    });
    const { apiKey } = await newOrg();
    const refused = new Client(apiKey, smallUrl, { origin: 'https://evil.example' });
    await expect(new Promise((_, reject) => refused.ws.once('error', reject))).rejects.toThrow('403');
    expect((await new Client(null, smallUrl).closed).code).toBe(4408);
    const client = new Client(apiKey, smallUrl, { origin: 'https://app.example' });
    await client.send({ type: 'PING', padding: 'x'.repeat(2000) });
    for (let i = 0; i < 10; i++) await client.send({ type: 'PING' });
    await eventually(() => client.messages.length >= 11);
    expect(client.of('ERROR')[0]).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    const limited = client.of('ERROR').slice(1);
    expect(limited.length).toBeGreaterThan(0);
    for (const error of limited) {
      expect(error).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) });
    }
    const second = new Client(apiKey, smallUrl);
    await new Promise((resolve) => second.ws.once('open', resolve));
    expect((await new Client(apiKey, smallUrl).closed).code).toBe(4429);
    await client.send({ type: 'PING', padding: 'x'.repeat(5000) });
    expect((await client.closed).code).toBe(1009);
    second.ws.terminate();
    await small.stop();
  });
});

describe('outages and restarts', () => {
  it('G9: a drained replica finishes the INGESTs it has handed on before it closes', async () => {
    const { apiKey } = await newOrg();
    const { gateway: leaving, url: leavingUrl } = await startGateway();
    let answer = () => {};
    relaying = new Promise((resolve) => {
      answer = resolve;
    });
    const client = new Client(apiKey, leavingUrl);
    await client.send({ type: 'INGEST', schema: 'decision.v1', idempotencyKey: 'at-the-end', data: {} });
    await eventually(() => JSON.stringify(relayed).includes('at-the-end'));
    const stopping = leaving.stop();
    const ready = () => fetch(leavingUrl.replace('ws:', 'http:').replace('/ws', '/readyz'));
    expect((await ready()).status).toBe(503);
    expect(client.isClosed).toBe(false);
    answer();
    relaying = Promise.resolve();
    expect((await client.closed).code).toBe(1012);
    expect(client.of('ACK')).toMatchObject([{ id: 'at-the-end' }]);
    await stopping;
  });

  it('G9: a drained replica closes its sockets one after the other once it is not ready, the last when its INGEST is answered', async () => {
    const { apiKey } = await newOrg();
    const { gateway: leaving, url: leavingUrl } = await startGateway({ DRAIN_SECONDS: '60' });
    let answer = () => {};
    relaying = new Promise((resolve) => {
      answer = resolve;
    });
    const busy = new Client(apiKey, leavingUrl);
    await busy.send({ type: 'INGEST', schema: 'decision.v1', idempotencyKey: 'while-others-leave', data: {} });
    await eventually(() => JSON.stringify(relayed).includes('while-others-leave'));
    const others: Client[] = [];
    for (let i = 0; i < 30; i++) {
      const client = new Client(apiKey, leavingUrl);
      await new Promise((resolve) => client.ws.once('open', resolve));
      others.push(client);
    }
    const started = performance.now();
    // Timers count from the beginning of the event loop's turn, which has to be after this, in whole milliseconds.
    await delay(1);
    const stopping = leaving.stop();
    const closes = await Promise.all(
      others.map(async (client) => {
        const { code, reason } = await client.closed;
        const at = performance.now() - started;
        const ready = await fetch(leavingUrl.replace('ws:', 'http:').replace('/ws', '/readyz'));
        return { code, at, ready: ready.status, retryAfterMs: JSON.parse(reason).retryAfterMs as number };
      }),
    );
    expect(new Set(closes.map(({ code, ready }) => [code, ready].join()))).toEqual(new Set(['1012,503']));
    // The busy one is the first in turn.
    expect(closes.filter(({ at }, i) => at < (i + 1) * 10 - 1)).toEqual([]);
    const retries = closes.map(({ retryAfterMs }) => retryAfterMs);
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...retries)).toBeLessThan(5000);
    expect(new Set(retries).size).toBeGreaterThan(1);
    expect([busy.isClosed, busy.of('ACK')]).toEqual([false, []]);
    answer();
    relaying = Promise.resolve();
    // Whoever were left at the end of the time would be cut off, without a close frame: 1006.
    expect((await busy.closed).code).toBe(1012);
    expect(busy.of('ACK')).toMatchObject([{ id: 'while-others-leave' }]);
    await stopping;
  });

  it('G9: a drained replica closes with 1012, and another one takes over without a hole', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    const { gateway: leaving, url: leavingUrl } = await startGateway();
    const client = new Client(apiKey, leavingUrl);
    await client.sub([channel]);
    const feeding = (async () => {
      for (let seq = 1; seq <= 100; seq += 5) await storeAndPublish(orgId, seq, seq + 4);
    })();
    await eventually(() => client.seqs().length > 20);
    await leaving.stop();
    const { code, reason } = await client.closed;
    expect(code).toBe(1012);
    expect(JSON.parse(reason)).toEqual({ retryAfterMs: expect.any(Number) });
    const seen = client.seqs() as number[];
    const resumed = new Client(apiKey);
    await resumed.sub([channel], { [channel]: seen.at(-1) ?? 0 });
    await feeding;
    await eventually(() => resumed.seqs().includes(100));
    expect([...seen, ...resumed.seqs()]).toEqual(range(1, 100));
  });

  it('leaves no consumer group behind when it is stopped', async () => {
    const before = await kafka.groups();
    const { gateway: leaving } = await startGateway();
    expect((await kafka.groups()).length).toBeGreaterThan(before.length);
    await leaving.stop();
    expect(await kafka.groups()).toEqual(before);
  });

  it('G8: without ingest-gateway an INGEST is UNAVAILABLE and the socket stays; without PostgreSQL a resume is', async () => {
    const { orgId, apiKey, channel } = await newOrg();
    await storeAndPublish(orgId, 1, 2);
    const { gateway: cut, url: cutUrl } = await startGateway({
      INGEST_URL: 'http://127.0.0.1:1',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    });
    const client = new Client(apiKey, cutUrl);
    await client.send({ type: 'INGEST', schema: 'decision.v1', idempotencyKey: 'k', data: {} });
    await client.sub([channel], { [channel]: 0 });
    await eventually(() => client.of('ERROR').length === 2);
    expect(client.of('ERROR')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'UNAVAILABLE', id: 'k', retryAfterMs: expect.any(Number) }),
        expect.objectContaining({ code: 'UNAVAILABLE', channel, retryAfterMs: expect.any(Number) }),
      ]),
    );
    const ready = await fetch(cutUrl.replace('ws:', 'http:').replace('/ws', '/readyz'));
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ status: 'degraded' });
    await client.send({ type: 'PING' });
    await eventually(() => client.of('PONG').length === 1);
    client.ws.terminate();
    await cut.stop();
  });
});
