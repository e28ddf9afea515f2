import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AuthenticationError,
  type Client,
  type ClientOptions,
  type ConnectionState,
  connect,
  type DecisionEvent,
  type Subscription,
} from '@governsai/client';
import { createDatabase, type Database, DEMO_ORGS } from '@governsai/db';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { transformSync } from 'esbuild';
import jwt from 'jsonwebtoken';
import { type Stack, startStack } from '../../tools/src/stack.ts';
import { readmeExamples } from './readme.ts';

const JWT_SECRET = 'the secret of the tests of the client, 32 characters';
const acme = DEMO_ORGS.find((org) => org.id === 'acme') as (typeof DEMO_ORGS)[number];
const CHANNEL = 'org:acme:decisions';
const DECISION = { direction: 'precheck', decision: 'allow', tool: 'web.fetch' } as const;
const dir = join(import.meta.dirname, '../../.test', `client-${process.pid}`);

let stack: Stack;
let db: Database;
const clients: Client[] = [];

beforeAll(async () => {
  stack = await startStack({
    dir,
    temporary: true,
    replicas: { 'push-gateway': 2, 'ingest-gateway': 2 },
    env: { auth: { JWT_SECRET } },
  });
  db = createDatabase({ url: stack.databaseUrl, poolSize: 2, applicationName: 'client-test' });
}, 180_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 1 })));
});

afterAll(async () => {
  await db?.close();
  await stack?.stop();
}, 60_000);

function open(options: Partial<ClientOptions> = {}) {
  const credential = 'token' in options ? {} : { apiKey: acme.admin.key };
  const client = connect({ url: stack.edgeUrl, ...credential, ...options } as ClientOptions);
  clients.push(client);
  const states: ConnectionState[] = [];
  client.onState((state) => states.push(state));
  return { client, states };
}

const token = (seconds: number) =>
  jwt.sign({ sub: acme.owner.id, org: 'acme' }, JWT_SECRET, {
    issuer: 'governsai',
    audience: 'governsai',
    expiresIn: seconds,
    jwtid: String(Math.random()),
  });

async function lastSeq(): Promise<number> {
  const [row] = await db.system.query<{ last_seq: number }>(`SELECT last_seq FROM org_chains WHERE org_id = 'acme'`);
  return row?.last_seq ?? 0;
}

/** Every seq that comes, until the subscription is closed. */
function collect(events: Subscription<DecisionEvent>) {
  const seqs: number[] = [];
  const over = (async () => {
    for await (const { seq } of events) seqs.push(seq);
  })();
  return { seqs, over };
}

/** Sends decisions, one every few milliseconds, until told to stop; then waits for every ACK. */
function load(client: Client, name: string) {
  let isOver = false;
  const sent: Promise<unknown>[] = [];
  const sending = (async () => {
    for (let i = 0; !isOver; i++) {
      sent.push(client.ingest({ ...DECISION, correlationId: name }, { idempotencyKey: `${name}-${i}` }));
      await delay(5);
    }
  })();
  return {
    async stop(): Promise<number> {
      isOver = true;
      await sending;
      await Promise.all(sent);
      return sent.length;
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not happen within 30 s: ${condition}`);
    await delay(20);
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('the README', () => {
  const outputs: Record<string, RegExp[]> = {
    'Record a decision': [/^recorded as dec_[0-9a-f]{32}$/, /^counted once\nVALIDATION_FAILED data.latencyMs$/],
    'Follow decisions': [/^1: \w+ [\w.]+\n2: \w+ [\w.]+$/, /^\d+: denied shell$/],
    'Watch a budget': [/^budget-acme-total: [\d.]+ USD of 7000 remain$/],
    'Ask before spending': [/^settled: 0.42$/],
    'Credentials that end': [/^connected for acme$/],
    'What goes wrong': [/^connected$/],
  };
  const examples = readmeExamples();
  const taken = new Map<string, number>();
  const cases = examples.map(({ title, code }, i) => {
    const place = taken.get(title) ?? 0;
    taken.set(title, place + 1);
    return { name: `${i + 1}: ${title}`, code, output: outputs[title]?.[place] };
  });

  it('says of each example what it prints', () => {
    expect(Object.fromEntries(taken)).toEqual(
      Object.fromEntries(Object.entries(outputs).map(([title, all]) => [title, all.length])),
    );
  });

  async function run(name: string, code: string, flags: string[] = []): Promise<{ output: string; exit: unknown }> {
    const tokens = createServer((_, response) => response.end(JSON.stringify({ token: token(3600) })));
    await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
    const here = code
      .replaceAll('https://governsai.example', stack.edgeUrl)
      .replaceAll('https://app.example', `http://127.0.0.1:${(tokens.address() as AddressInfo).port}`)
      .replaceAll('gai_producer', acme.producer.key)
      .replaceAll('gai_subscriber', acme.subscriber.key);
    const folder = join(dir, 'readme');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.mjs`);
    writeFileSync(file, transformSync(here, { loader: 'ts' }).code);
    const program = spawn(process.execPath, [...flags, file], { stdio: 'pipe', env: { PATH: process.env.PATH } });
    let output = '';
    program.stdout.on('data', (chunk) => (output += chunk));
    program.stderr.on('data', (chunk) => (output += chunk));
    // An example ends by itself.
    const timer = setTimeout(() => program.kill('SIGKILL'), 30_000);
    const [exit] = await once(program, 'close');
    clearTimeout(timer);
    tokens.close();
    return { output: output.trim(), exit };
  }

  it.each(cases)('$name', async ({ name, code, output }) => {
    expect(await run(name, code)).toEqual({ output: expect.stringMatching(output as RegExp), exit: 0 });
  });

  it('holds for the browser build too, on the WebSocket that Node has of browsers', async () => {
    const flags = ['--conditions=browser', '--experimental-websocket', '--disable-warning=ExperimentalWarning'];
    const [first] = cases;
    const { output } = await run('browser', first?.code as string, flags);
    expect(output).toMatch(first?.output as RegExp);
  });
});

describe('a client of the real services', () => {
  it('G4 G9: sees a rolling restart of both gateways as reconnects, and nothing else', async () => {
    const { client, states } = open();
    const before = await lastSeq();
    const { seqs, over } = collect(client.subscribe(CHANNEL, { since: before }));
    const sending = load(client, 'roll');
    await delay(300);
    await stack.service('ingest-gateway').restart();
    await stack.service('push-gateway').restart();
    const sent = await sending.stop();
    await until(() => seqs.length >= sent);
    await client.close();
    await over;
    expect(await lastSeq()).toBe(before + sent);
    expect(seqs).toEqual(range(before + 1, before + sent));
    const kinds = new Set(states.map(({ state }) => state));
    expect([...kinds].sort()).toEqual(['closed', 'connected', 'connecting', 'reconnecting']);
    expect(states.at(-1)).toEqual({ state: 'closed', error: null });
  }, 120_000);

  it('G1 G2 G4: counts what was under way at a kill -9 once, and misses nothing', async () => {
    const { client } = open();
    const before = await lastSeq();
    const { seqs, over } = collect(client.subscribe(CHANNEL, { since: before }));
    const sending = load(client, 'kill');
    for (const name of ['push-gateway', 'ingest-gateway', 'push-gateway'] as const) {
      await delay(400);
      for (const replica of stack.service(name).replicas) {
        await replica.kill('SIGKILL');
        await replica.whenReady();
      }
    }
    const sent = await sending.stop();
    await until(() => seqs.length >= sent);
    await client.close();
    await over;
    const [row] = await db.system.query<{ rows: number; ids: number }>(
      `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM decisions WHERE record::jsonb->>'correlationId' = 'kill'`,
    );
    expect(row).toEqual({ rows: sent, ids: sent });
    expect(seqs).toEqual(range(before + 1, before + sent));
  }, 120_000);

  it('G4: goes on from another process, from the position it kept', async () => {
    const first = open().client;
    const since = await lastSeq();
    for (let i = 0; i < 5; i++) await first.ingest(DECISION);
    const events = first.subscribe(CHANNEL, { since });
    await events.next();
    await events.next();
    const { position } = events;
    await first.close();
    const second = open().client;
    const rest = second.subscribe(CHANNEL, { since: position as number });
    expect([(await rest.next()).value?.seq, (await rest.next()).value?.seq]).toEqual([since + 3, since + 4]);
  });

  it('G7: renews a token on the open socket, past the end of the first', async () => {
    let given = 0;
    const { client, states } = open({ token: () => token(++given === 1 ? 4 : 3600), refreshBeforeMs: 3000 });
    const since = await lastSeq();
    expect(await client.ready()).toEqual({ orgId: 'acme', userId: acme.owner.id });
    const events = client.subscribe(CHANNEL, { since });
    await until(() => given === 2);
    // Past its end and the skew that clocks are allowed.
    await delay(10_000);
    const { decisionId } = await open().client.ingest(DECISION);
    expect((await events.next()).value?.data.id).toBe(decisionId);
    expect(states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  });

  it('G7: a revoked key ends with AuthenticationError, for all that waits', async () => {
    const keys = `${stack.edgeUrl}/v1/orgs/acme/keys`;
    const headers = { authorization: `Bearer ${acme.admin.key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'to be revoked', scopes: ['decisions:read', 'decisions:write'] });
    const created = (await (await fetch(keys, { method: 'POST', headers, body })).json()) as {
      id: string;
      key: string;
    };
    const { client, states } = open({ apiKey: created.key });
    await client.ready();
    const events = client.subscribe(CHANNEL);
    await events.subscribed();
    await fetch(`${keys}/${created.id}`, { method: 'DELETE', headers });
    await expect(events.next()).rejects.toBeInstanceOf(AuthenticationError);
    await expect(client.ingest(DECISION)).rejects.toMatchObject({ name: 'AuthenticationError', code: 'AUTH_FAILED' });
    expect(states.map(({ state }) => state)).toEqual(['connecting', 'connected', 'closed']);
  });

  it('connects with a ticket', async () => {
    const { client } = open({
      apiKey: undefined,
      ticket: async () => {
        const headers = { authorization: `Bearer ${acme.admin.key}` };
        const answer = await fetch(`${stack.edgeUrl}/v1/auth/tickets`, { method: 'POST', headers });
        return ((await answer.json()) as { ticket: string }).ticket;
      },
    } as Partial<ClientOptions>);
    await client.ready();
    await client.ingest(DECISION);
  });

  it('G6 G10: is told what it may not do, by channel and by message', async () => {
    const { client } = open({ apiKey: acme.producer.key });
    await expect(client.subscribe('org:acme:decisions').next()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(client.subscribe('org:globex:decisions').next()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(client.ingest({ ...DECISION, decision: 'maybe' as 'allow' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'data.decision',
    });
  });
});
