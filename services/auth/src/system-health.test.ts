import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readiness } from '@governsai/contracts';
import { afterAll, expect, it } from '@jest/globals';
import { SystemHealthReader } from './system-health.ts';

const SINCE = '2026-01-01T00:00:00.000Z';
const servers: Server[] = [];
afterAll(() => servers.forEach((server) => void server.close()));

const readinessOf = (service: string, up: boolean): Readiness => ({
  status: up ? 'ready' : 'degraded',
  service,
  version: '1',
  dependencies: [
    { name: 'kafka', up: true, since: SINCE, required: true },
    { name: 'postgres', up, since: SINCE, required: false, ...(up ? {} : { error: 'connect 10.0.0.1:5432' }) },
  ],
});

async function serve(answer: () => string): Promise<string> {
  const server = createServer((_req, res) => void res.end(answer()));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('says of each service how it is, what it does not reach and since when, and no error', async () => {
  const ready = await serve(() => JSON.stringify(readinessOf('one', true)));
  const degraded = await serve(() => JSON.stringify(readinessOf('other', false)));
  const health = new SystemHealthReader({
    own: () => readinessOf('auth', true),
    targets: {
      'ingest-gateway': ready,
      'decision-writer': degraded,
      'budget-tracker': await serve(() => 'something else'),
    },
  });
  const answer = await health.read();
  expect(answer).toEqual({
    status: 'degraded',
    services: {
      auth: { status: 'ready', away: [] },
      'ingest-gateway': { status: 'ready', away: [] },
      'decision-writer': { status: 'degraded', away: [{ name: 'postgres', since: SINCE }] },
      'budget-tracker': { status: 'unreachable', away: [] },
      'push-gateway': { status: 'unknown', away: [] },
    },
    timestamp: expect.any(String),
  });
});

it('asks once for all who ask within a second', async () => {
  let asked = 0;
  const target = await serve(() => {
    asked++;
    return JSON.stringify(readinessOf('one', true));
  });
  const health = new SystemHealthReader({
    own: () => readinessOf('auth', true),
    targets: { 'ingest-gateway': target },
  });
  await Promise.all([health.read(), health.read(), health.read()]);
  expect(asked).toBe(1);
});
