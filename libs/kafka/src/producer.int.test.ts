import { createServer, type Server } from 'node:net';
import { AppError } from '@governsai/contracts';
import { extractContext } from '@governsai/telemetry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { context, propagation, TraceFlags, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { pino } from 'pino';
import { createKafka } from './client.ts';
import { DEAD_HEADERS } from './dead-letter.ts';
import { auditRecord, until } from './test-records.ts';
import { createTestKafka, type TestKafka } from './testing.ts';

let test: TestKafka;

beforeAll(async () => {
  test = await createTestKafka();
});
afterEach(() => test.heal());
afterAll(() => test.drop());

const idOf = (value: Buffer): string => JSON.parse(value.toString()).id;

/** A client of brokers that are not Kafka. */
function elsewhere(port: number) {
  const options = { brokers: [`127.0.0.1:${port}`], clientId: 'test', topicPrefix: '', log: pino({ level: 'silent' }) };
  return createKafka(options);
}

async function silentServer(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, port: address.port };
}

describe('producer', () => {
  it('keeps the order of each key under concurrent sends', async () => {
    const producer = test.kafka.producer();
    const sends: Promise<void>[] = [];
    for (let n = 0; n < 3_000; n++) {
      const key = `org-${n % 7}`;
      sends.push(producer.send('audit.recorded', { key, value: auditRecord(String(n)) }));
      // Let some requests go between, so that the order spans many of them.
      if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(sends);
    await producer.close();
    const stored = await test.readAll('audit.recorded');
    for (let key = 0; key < 7; key++) {
      const ofKey = stored.filter((message) => message.key === `org-${key}`);
      // A request the broker answered in part is sent again as a whole: what counts is where an id comes first.
      const ids = [...new Set(ofKey.map((message) => Number(idOf(message.value))))];
      expect(ids).toEqual(Array.from({ length: Math.ceil((3_000 - key) / 7) }, (_, n) => n * 7 + key));
      expect(new Set(ofKey.map((message) => message.partition)).size).toBe(1);
    }
  });

  it('splits what is sent at once into requests the broker takes', async () => {
    const producer = test.kafka.producer();
    // One partition takes at most 1 MiB a request; this is 5 MiB for one partition in one tick.
    const json = JSON.stringify(auditRecord('big', { text: 'x'.repeat(50_000) }));
    await producer.sendAll(
      'audit.recorded',
      Array.from({ length: 100 }, () => ({ key: 'one', value: { json } })),
    );
    await producer.close();
    const stored = await test.readAll('audit.recorded');
    expect(stored.filter((message) => message.key === 'one')).toHaveLength(100);
  });

  it('G10: refuses a value that is not of the topic, and a message no topic takes', async () => {
    const producer = test.kafka.producer();
    const wrong = { ...auditRecord('a'), orgId: 7 } as unknown as ReturnType<typeof auditRecord>;
    await expect(producer.send('audit.recorded', { key: 'acme', value: wrong })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'audit.recorded.orgId',
    });
    const huge = auditRecord('a', { text: 'x'.repeat(1024 * 1024) });
    await expect(producer.send('audit.recorded', { key: 'acme', value: huge })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    await producer.close();
  });

  it('G1: never confirms without the broker, and goes on after an outage', async () => {
    const producer = test.kafka.producer({ sendTimeoutMs: 800 });
    await producer.send('access.changed', { key: 'acme', value: { json: '{"n":"before"}' } });
    test.cut();
    const lost = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        producer.send('access.changed', { key: 'acme', value: { json: '{"n":"during"}' } }),
      ),
    );
    expect(lost.every((result) => result.status === 'rejected' && result.reason.code === 'UNAVAILABLE')).toBe(true);
    await until('the queue is empty', () => producer.queuedBytes() === 0);
    // A send waiting when the line comes back is written once it is back.
    const waiting = producer.send('access.changed', { key: 'acme', value: { json: '{"n":"after"}' } });
    test.heal();
    await waiting;
    await producer.close();
    const stored = await test.readAll('access.changed');
    expect(stored.map((message) => JSON.parse(message.value.toString()).n)).toEqual(['before', 'after']);
  });

  it('G8: rejects with UNAVAILABLE in bounded time when nothing listens', async () => {
    const { server, port } = await silentServer();
    await new Promise((resolve) => server.close(resolve));
    const producer = elsewhere(port).producer({ sendTimeoutMs: 500 });
    await expect(producer.connect()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const failure = await producer
      .send('audit.recorded', { key: 'acme', value: auditRecord('a') })
      .catch((e: unknown) => e);
    expect(failure).toBeInstanceOf(AppError);
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number), cause: expect.any(Error) });
    await producer.close();
  });

  it('G8: rejects with UNAVAILABLE in bounded time when the broker is silent', async () => {
    const { server, port } = await silentServer();
    const producer = elsewhere(port).producer({ sendTimeoutMs: 500 });
    const first = producer.send('audit.recorded', { key: 'acme', value: auditRecord('a') });
    await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const second = producer.send('audit.recorded', { key: 'acme', value: auditRecord('a') });
    await expect(second).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await producer.close();
    server.close();
  });

  it('refuses at once what does not fit into the queue', async () => {
    const producer = test.kafka.producer({ maxQueuedBytes: 10_000 });
    const value = { json: JSON.stringify(auditRecord('a', { text: 'x'.repeat(4_000) })) };
    const results = await Promise.allSettled(
      [1, 2, 3, 4].map(() => producer.send('audit.recorded', { key: 'full', value })),
    );
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    await until('the queue is empty', () => producer.queuedBytes() === 0);
    await producer.close();
  });

  it('G9: close writes what is queued, and refuses what comes after', async () => {
    const producer = test.kafka.producer({ lingerMs: 50 });
    const queued = producer.send('audit.recorded', { key: 'closing', value: auditRecord('last') });
    const closed = producer.close();
    const refused = producer.send('audit.recorded', { key: 'closing', value: auditRecord('late') });
    await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await Promise.all([queued, closed]);
    const stored = await test.readAll('audit.recorded');
    expect(stored.filter((m) => m.key === 'closing').map((m) => idOf(m.value))).toEqual(['last']);
  });

  it('G11: writes the active trace, and reads it back; a trace in the headers given is continued instead', async () => {
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const span = { traceId, spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED };
    const producer = test.kafka.producer();
    await context.with(trace.setSpanContext(context.active(), span), async () => {
      await producer.send('budgets.changed', { key: 'acme', value: { json: '{}' } });
      const headers = { traceparent: `00-${'1'.repeat(32)}-b7ad6b7169203331-01` };
      await producer.send('budgets.changed', { key: 'acme', value: { json: '{}' }, headers });
    });
    await producer.close();
    const [first, second] = await test.readAll('budgets.changed');
    expect(first!.headers).toEqual({ schema: 'budgets.changed.v1', traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    expect(trace.getSpanContext(extractContext(first!.headers))).toMatchObject({ traceId, isRemote: true });
    expect(trace.getSpanContext(extractContext(second!.headers))?.traceId).toBe('1'.repeat(32));
    propagation.disable();
    context.disable();
  });

  it('G10: a dead letter keeps the bytes and says what happened', async () => {
    const producer = test.kafka.producer();
    const source = {
      partition: 2,
      offset: '41',
      timestamp: '1700000000000',
      key: Buffer.from('acme'),
      value: Buffer.from([0xff, 0x00, 0x7b]),
      headers: { schema: Buffer.from('audit.recorded.v1'), traceparent: 'x' },
    };
    await producer.sendDead('audit.recorded', source, 'not for us', new TypeError('line one\nline two'));
    await producer.close();
    const [dead] = await test.readAll('audit.recorded.dead');
    expect(dead!.value).toEqual(source.value);
    expect(dead!.key).toBe('acme');
    expect(dead!.headers).toMatchObject({
      schema: 'audit.recorded.v1',
      traceparent: 'x',
      [DEAD_HEADERS.reason]: 'not for us',
      [DEAD_HEADERS.errorName]: 'TypeError',
      [DEAD_HEADERS.errorMessage]: 'line one\nline two',
      [DEAD_HEADERS.errorStack]: expect.stringMatching(/^at .*producer\.int\.test/),
      [DEAD_HEADERS.topic]: 'audit.recorded',
      [DEAD_HEADERS.partition]: '2',
      [DEAD_HEADERS.offset]: '41',
      [DEAD_HEADERS.timestamp]: '1700000000000',
    });
  });
});
