import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError, defineRoute } from '@governsai/contracts';
import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Health } from './health.ts';
import { createHttpApp } from './http/app.ts';
import { createInternalClient, type InternalClient, type InternalClientOptions } from './internal-client.ts';
import { createLogger } from './logger.ts';

const greet = defineRoute({
  name: 'greet',
  method: 'post',
  path: '/internal/greet',
  owner: 'auth',
  summary: 'Greets.',
  auth: 'internal',
  body: z.object({ name: z.string() }),
  response: z.object({ greeting: z.string() }),
});

const unavailable = { code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) };
const log = createLogger('test', 'silent');
const internalToken = 'sixteen-characters';
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

// Only a test about time may meet the deadline of a call: on a busy machine a first call takes seconds.
const UNHURRIED_MS = 600_000;

function clientOf(
  baseUrl: string,
  options: Partial<Pick<InternalClientOptions, 'internalToken' | 'timeoutMs'>> = {},
): InternalClient {
  const client = createInternalClient({ baseUrl, internalToken, timeoutMs: UNHURRIED_MS, ...options });
  cleanup.push(() => client.close());
  return client;
}

async function service(answer: (name: string) => Promise<{ greeting: string }>): Promise<string> {
  const app = createHttpApp({
    service: 'auth',
    log,
    health: new Health({ service: 'auth', intervalMs: 5000, log }),
    internalToken,
  });
  app.mount(greet, ({ body }) => answer(body.name));
  cleanup.push(() => app.close());
  return urlOf(await app.listen(0, '127.0.0.1'));
}

async function bareServer(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return urlOf(server);
}

describe('a call to another service', () => {
  it('shows the internal token and reads the answer by the schema of the route', async () => {
    const client = clientOf(await service(async (name) => ({ greeting: `hello ${name}` })));
    expect(await client.call(greet, { name: 'ann' })).toEqual({ greeting: 'hello ann' });
  });

  it('throws the error the service answered with', async () => {
    const url = await service(async () => {
      throw new AppError('VALIDATION_FAILED', 'too rude', { path: 'name' });
    });
    const call = clientOf(url).call(greet, { name: 'ann' });
    await expect(call).rejects.toMatchObject({ code: 'VALIDATION_FAILED', message: 'too rude', path: 'name' });
  });

  it('is UNAVAILABLE when the service fails, or refuses our token: the client of ours did nothing wrong', async () => {
    const broken = await service(async () => {
      throw new Error('bug');
    });
    const failed = clientOf(broken).call(greet, { name: 'ann' });
    await expect(failed).rejects.toMatchObject({ ...unavailable, message: expect.stringContaining('HTTP 500') });
    const wrong = clientOf(broken, { internalToken: 'another-long-token' }).call(greet, { name: 'ann' });
    await expect(wrong).rejects.toMatchObject({ ...unavailable, message: expect.stringContaining('INTERNAL_TOKEN') });
  });

  it('is UNAVAILABLE when nobody listens', async () => {
    const call = clientOf('http://127.0.0.1:1').call(greet, { name: 'ann' });
    await expect(call).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining('does not answer'),
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
  });

  it('is UNAVAILABLE when nobody answers in time', async () => {
    const silent = await bareServer(() => {});
    const call = clientOf(silent, { timeoutMs: 50 }).call(greet, { name: 'ann' });
    await expect(call).rejects.toMatchObject({ ...unavailable, message: expect.stringContaining('does not answer') });
  });

  it('is UNAVAILABLE when the answer is nonsense', async () => {
    const nonsense = await bareServer((_req, res) => res.end('{"greeting":1}'));
    const call = clientOf(nonsense).call(greet, { name: 'ann' });
    await expect(call).rejects.toMatchObject({ ...unavailable, message: expect.stringContaining('unknown form') });
  });

  it('is repeated once when the connection broke before an answer', async () => {
    let requests = 0;
    const url = await bareServer((req, res) => {
      if (++requests === 1) req.socket.destroy();
      else res.end('{"greeting":"hello"}');
    });
    expect(await clientOf(url).call(greet, { name: 'ann' })).toEqual({ greeting: 'hello' });
    expect(requests).toBe(2);
  });
});
