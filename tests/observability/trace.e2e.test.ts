import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import type { ReceivedSpan } from '@governsai/telemetry/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { type Stack, startStack } from '../../tools/src/stack.ts';
import { startTraceStore, type TraceStore } from './trace-store.ts';
import { drawTree, faultsOf } from './trace-tree.ts';

const GATEWAYS = 2;
/** Decisions a second, and for how many seconds. */
const RATE = 500;
const SECONDS = 10;
const PATIENCE_MS = 60_000;

const dir = join(import.meta.dirname, '../../.test', `trace-${process.pid}`);
let store: TraceStore;
let stack: Stack;
let key: { producer: string; subscriber: string; admin: string };
const sockets: WebSocket[] = [];

beforeAll(async () => {
  store = await startTraceStore(`${dir}-store`);
  process.stderr.write(`traces go to ${store.name}\n`);
  const env = Object.fromEntries(SERVICES.map((name) => [name, store.env])) as Record<
    ServiceName,
    Record<string, string>
  >;
  stack = await startStack({ dir, temporary: true, replicas: { 'push-gateway': GATEWAYS }, env });
  const acme = stack.describe().orgs.find((org) => org.slug === 'acme')!;
  key = { producer: acme.producerApiKey, subscriber: acme.subscriberApiKey, admin: acme.adminApiKey };
  for (const { url } of stack.service('push-gateway').replicas) {
    const subscriber = await open(`${url.replace('http', 'ws')}/ws`, key.subscriber);
    subscriber.send(JSON.stringify({ type: 'SUB', channels: ['org:acme:decisions'] }));
    await answer(subscriber, 'SUB_SUCCESS');
  }
}, 300_000);

afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await stack?.stop();
  await store?.stop();
}, 120_000);

async function open(url: string, apiKey: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${apiKey}` } });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}

function answer(socket: WebSocket, type: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const onMessage = (data: WebSocket.RawData) => {
      const message = JSON.parse(data.toString());
      if (message.type === 'ERROR') reject(new Error(JSON.stringify(message)));
      if (message.type !== type) return;
      socket.off('message', onMessage);
      resolve(message);
    };
    socket.on('message', onMessage);
  });
}

let next = 0;
const ingest = (more: Record<string, unknown> = {}) => {
  const idempotencyKey = `trace-${process.pid}-${next++}`;
  return {
    type: 'INGEST',
    schema: 'decision.v1',
    idempotencyKey,
    trace: true,
    data: {
      direction: 'precheck',
      decision: 'allow',
      tool: 'web.fetch',
      payloadHash: 'sha256:abc',
      correlationId: `correlation-${idempotencyKey}`,
      rawText: 'never in a trace',
      usage: { cost: '0.01', currency: 'USD' },
    },
    ...more,
  };
};

/** Waits until a trace is whole; fails with the trace as it is when it does not become so. */
async function wholeTrace(find: () => Promise<ReceivedSpan[]>, from: string | null = null): Promise<ReceivedSpan[]> {
  let spans: ReceivedSpan[] = [];
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(250)) {
    spans = await find();
    if (spans.length > 0 && faultsOf(spans, GATEWAYS, from).length === 0) return spans;
  }
  throw new Error(`${faultsOf(spans, GATEWAYS, from).join('\n')}\n${drawTree(spans)}`);
}

async function onlyTrace(service: string, attribute: string, value: string): Promise<ReceivedSpan[]> {
  const traces = await store.search(service, attribute, value);
  // A batch's own trace names no decision: whoever searches for one finds one trace.
  expect(traces.length).toBeLessThanOrEqual(1);
  return traces[0] ?? [];
}

const names = (spans: readonly ReceivedSpan[]) => spans.map(({ service, name }) => `${service}: ${name}`);

describe('G11: one search finds one trace, from the producer to each push', () => {
  it('of a decision that came by HTTP, continuing the producer’s own trace', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const message = ingest();
    const response = await fetch(`${stack.edgeUrl}/v1/decisions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key.producer}`,
        'content-type': 'application/json',
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      },
      body: JSON.stringify(message),
    });
    expect(response.status).toBe(202);
    const accepted = (await response.json()) as { decisionId: string; traceId: string };
    expect(accepted.traceId).toBe(traceId);
    const { correlationId } = message.data;
    const spans = await wholeTrace(
      () => onlyTrace('ingest-gateway', 'governsai.decision.id', accepted.decisionId),
      'b7ad6b7169203331',
    );
    process.stderr.write(`${drawTree(spans)}\n`);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    for (const service of ['decision-writer', 'budget-tracker', 'push-gateway']) {
      expect((await onlyTrace(service, 'governsai.correlation.id', correlationId)).length).toBe(spans.length);
    }
    expect(names(spans)).toEqual(
      expect.arrayContaining([
        'ingest-gateway: POST /v1/decisions',
        'ingest-gateway: send decisions.submitted',
        'decision-writer: process decisions.submitted',
        'decision-writer: INSERT decisions',
        'decision-writer: send decisions.recorded',
        'budget-tracker: process decisions.recorded',
        'budget-tracker: INSERT budget_ledger',
        'push-gateway: push decisions.recorded',
      ]),
    );
    expect(JSON.stringify(spans)).not.toMatch(/never in a trace|gai_|web\.fetch/);
  });

  it('of a decision that came by a socket of ingest-gateway, with the traceparent of its message', async () => {
    const socket = await open(stack.wsUrl.replace(/\/ws$/, '/ws/ingest'), key.producer);
    const traceId = '1af7651916cd43dd8448eb211c80319c';
    const answered = answer(socket, 'ACK');
    socket.send(JSON.stringify(ingest({ traceparent: `00-${traceId}-b7ad6b7169203332-01` })));
    const ack = await answered;
    expect(ack.traceId).toBe(traceId);
    const spans = await wholeTrace(
      () => onlyTrace('decision-writer', 'governsai.decision.id', String(ack.decisionId)),
      'b7ad6b7169203332',
    );
    expect(names(spans)).toContain('ingest-gateway: governsai.v1/INGEST');
  });

  it('of a decision that push-gateway relayed, begun by itself', async () => {
    const socket = await open(stack.wsUrl, key.admin);
    const answered = answer(socket, 'ACK');
    socket.send(JSON.stringify(ingest()));
    const ack = await answered;
    const spans = await wholeTrace(() => onlyTrace('push-gateway', 'governsai.decision.id', String(ack.decisionId)));
    expect(spans[0]!.traceId).toBe(ack.traceId);
    expect(spans.find((span) => span.parentSpanId === null)).toMatchObject({
      service: 'push-gateway',
      name: 'governsai.v1/INGEST',
    });
    expect(names(spans)).toContain('ingest-gateway: send decisions.submitted');
  });

  it('of each item of an HTTP batch that has a trace of its own', async () => {
    const traceIds = [2, 3].map((digit) => `${digit}af7651916cd43dd8448eb211c80319c`);
    const response = await fetch(`${stack.edgeUrl}/v1/decisions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key.producer}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        decisions: traceIds.map((id) => ingest({ traceparent: `00-${id}-b7ad6b7169203331-01` })),
      }),
    });
    const { results } = (await response.json()) as { results: { traceId: string }[] };
    expect(results.map((result) => result.traceId)).toEqual(traceIds);
    for (const id of traceIds) await wholeTrace(() => store.trace(id), 'b7ad6b7169203331');
  });
});

describe('under load', () => {
  it(`G11: of ${RATE} decisions a second no trace is broken`, async () => {
    const socket = await open(stack.wsUrl.replace(/\/ws$/, '/ws/ingest'), key.producer);
    const traceIds: string[] = [];
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      if (message.type === 'ACK') traceIds.push(message.traceId);
    });
    const begun = Date.now();
    for (let sent = 0; sent < RATE * SECONDS; await delay(20)) {
      const due = Math.min(RATE * SECONDS, Math.floor(((Date.now() - begun) * RATE) / 1000));
      for (; sent < due; sent++) socket.send(JSON.stringify(ingest()));
    }
    for (const deadline = Date.now() + PATIENCE_MS; traceIds.length < RATE * SECONDS; await delay(100)) {
      if (Date.now() > deadline) throw new Error(`only ${traceIds.length} of ${RATE * SECONDS} were ACKed`);
    }
    expect(new Set(traceIds).size).toBe(RATE * SECONDS);
    const broken = new Map<string, string[]>(traceIds.map((id) => [id, ['not there']]));
    for (const deadline = Date.now() + 2 * PATIENCE_MS; broken.size > 0 && Date.now() < deadline; await delay(1000)) {
      for (const id of [...broken.keys()]) {
        const faults = faultsOf(await store.trace(id), GATEWAYS);
        if (faults.length === 0) broken.delete(id);
        else broken.set(id, faults);
      }
    }
    expect([...broken].slice(0, 5)).toEqual([]);
    expect(broken.size).toBe(0);
  }, 300_000);
});
