import type { AddressInfo } from 'node:net';
import { defineRoute } from '@governsai/contracts';
import { startOtlpReceiver } from '@governsai/telemetry/testing';
import { expect, it } from '@jest/globals';
import { z } from 'zod';
import { Health } from './health.ts';
import { createHttpApp } from './http/app.ts';
import { createInternalClient } from './internal-client.ts';
import { createLogger } from './logger.ts';
import { startTracing } from './tracing.ts';

const base = {
  owner: 'auth',
  summary: 'A route of this test.',
  method: 'get',
  response: z.object({ ok: z.boolean() }),
} as const;
const front = defineRoute({ ...base, name: 'front', path: '/v1/front', auth: 'none' });
const back = defineRoute({ ...base, name: 'back', path: '/internal/back', auth: 'internal' });

it('G11: one trace runs from the caller through a service to the next, and into the log lines', async () => {
  const collector = await startOtlpReceiver();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.url;
  process.env.OTEL_EXPORTER_OTLP_PROTOCOL = 'http/json';
  const stopTracing = await startTracing('auth');

  const logged: { msg: string; trace_id?: string }[] = [];
  const log = createLogger('auth', 'info', { write: (line) => void logged.push(JSON.parse(line)) });
  const internalToken = 'sixteen-characters';
  const app = createHttpApp({
    service: 'auth',
    log,
    health: new Health({ service: 'auth', intervalMs: 5000, log }),
    internalToken,
  });
  const url = `http://127.0.0.1:${((await app.listen(0, '127.0.0.1')).address() as AddressInfo).port}`;
  const client = createInternalClient({ baseUrl: url, internalToken });
  app.mount(front, async () => client.call(back));
  app.mount(back, async () => {
    log.info('reached');
    return { ok: true };
  });

  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const answer = await fetch(`${url}/v1/front`, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
  expect(answer.status).toBe(200);
  await client.close();
  await app.close();
  await stopTracing();
  await collector.close();

  const named = (name: string) => collector.spans.filter((span) => span.name === name);
  const [frontSpan] = named('GET /v1/front');
  expect(frontSpan).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' });
  const calls = named('GET /internal/back');
  expect(calls.map((span) => span.traceId)).toEqual([traceId, traceId]);
  expect(logged).toContainEqual(expect.objectContaining({ msg: 'reached', trace_id: traceId }));
});
