import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createDatabase, type Database, DEMO_ORGS } from '@governsai/db';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Stack, startStack } from '../../tools/src/stack.ts';
import { SocketClient } from './socket-client.ts';

// What push-gateway offers beyond pushing to sockets, with every service as it is and two replicas of the gateway.

const acme = DEMO_ORGS.find((org) => org.id === 'acme') as (typeof DEMO_ORGS)[number];

let stack: Stack;
let admin: Database;
const clients: SocketClient[] = [];

beforeAll(async () => {
  stack = await startStack({
    dir: join(import.meta.dirname, '../../.test', `push-${process.pid}`),
    temporary: true,
    replicas: { 'push-gateway': 2 },
  });
  admin = createDatabase({ url: stack.databaseUrl, poolSize: 2, applicationName: 'test' });
}, 180_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await admin?.close();
  await stack?.stop();
}, 60_000);

async function connect(key: string): Promise<SocketClient> {
  const client = await SocketClient.open(`${stack.wsUrl}?key=${key}`);
  clients.push(client);
  return client;
}

async function eventually<T>(read: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`did not happen within 30 s: ${read}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('holds over the socket', () => {
  const hold = (idempotencyKey: string, more: object = {}) => ({
    type: 'HOLD',
    idempotencyKey,
    amount: '1',
    currency: 'USD',
    tool: 'held.tool',
    ...more,
  });

  beforeAll(async () => {
    const answer = await fetch(`${stack.edgeUrl}/v1/orgs/acme/budgets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${acme.admin.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Held', limit: '50', currency: 'USD', hard: true, scope: { tool: 'held.tool' } }),
    });
    expect(answer.status).toBe(201);
  });

  it('G5: are granted, refused, settled and released, and the budget says so', async () => {
    const client = await connect(acme.admin.key);
    const granted = await client.ask(hold('granted', { amount: '30' }), 'HOLD_RESULT');
    expect(granted).toMatchObject({ id: 'granted', allowed: true, mode: 'enforced' });
    const refused = await client.ask(hold('refused', { amount: '30' }), 'HOLD_RESULT');
    expect(refused).toMatchObject({ id: 'refused', allowed: false, remaining: '20' });
    const again = await client.ask(hold('granted', { amount: '30' }), 'HOLD_RESULT');
    expect(again).toMatchObject({ holdId: granted.holdId, allowed: true });
    const settled = await client.ask({ type: 'SETTLE', holdId: granted.holdId, amount: '10' }, 'HOLD_STATE');
    expect(settled).toMatchObject({ id: granted.holdId, hold: { status: 'settled', settledAmount: '10' } });
    const other = await client.ask(hold('released', { amount: '40' }), 'HOLD_RESULT');
    const released = await client.ask({ type: 'RELEASE', holdId: other.holdId }, 'HOLD_STATE');
    expect(released).toMatchObject({ id: other.holdId, hold: { status: 'released' } });
    expect(await client.ask(hold('what is left', { amount: '40' }), 'HOLD_RESULT')).toMatchObject({ allowed: true });
  });

  it('answer in the order of their messages, each for itself, errors with their id', async () => {
    const client = await connect(acme.admin.key);
    const keys = Array.from({ length: 200 }, (_, i) => `order-${i}`);
    keys.forEach((key, i) => {
      client.send(hold(key, { tool: 'other.tool', ...(i % 10 === 3 && { amount: 'much' }) }));
    });
    client.send({ type: 'SETTLE', holdId: 'none', amount: '1' });
    client.send({ type: 'RELEASE' });
    const last = await client.next((frame) => frame.type === 'ERROR' && frame.path === 'holdId');
    expect(last).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(client.frames.map(({ id }) => id)).toEqual([...keys, 'none', undefined]);
    expect(client.frames[3]).toMatchObject({ type: 'ERROR', code: 'VALIDATION_FAILED', path: 'amount' });
    expect(client.frames.at(-2)).toMatchObject({ type: 'ERROR', code: 'NOT_FOUND' });
    expect(client.frames.filter(({ type }) => type === 'HOLD_RESULT')).toHaveLength(180);
  });

  it('are worked on although the client closes at once', async () => {
    const client = await connect(acme.admin.key);
    const idempotencyKey = `closed-${randomUUID()}`;
    client.send(hold(idempotencyKey, { tool: 'other.tool' }));
    client.close();
    await eventually(async () => {
      const rows = await admin.system.query('SELECT 1 FROM holds WHERE idempotency_key = $1', [idempotencyKey]);
      return rows.length > 0 || undefined;
    });
  });

  it('G6: are for who may write decisions', async () => {
    const client = await connect(acme.subscriber.key);
    expect(await client.ask(hold('forbidden'), 'ERROR')).toMatchObject({ code: 'FORBIDDEN', id: 'forbidden' });
  });

  it('G8: are UNAVAILABLE while budget-tracker is away, the socket stays, and the same message works later', async () => {
    const client = await connect(acme.admin.key);
    const message = hold(`outage-${randomUUID()}`, { tool: 'other.tool' });
    const [tracker] = stack.service('budget-tracker').replicas;
    await tracker?.stop();
    expect(await client.ask(message, 'ERROR')).toMatchObject({
      code: 'UNAVAILABLE',
      id: message.idempotencyKey,
      retryAfterMs: expect.any(Number),
    });
    expect(await client.ask({ type: 'SETTLE', holdId: 'hold_x', amount: '1' }, 'ERROR')).toMatchObject({
      code: 'UNAVAILABLE',
      id: 'hold_x',
    });
    await tracker?.start();
    expect(await client.ask(message, 'HOLD_RESULT')).toMatchObject({ allowed: true });
  }, 60_000);
});
