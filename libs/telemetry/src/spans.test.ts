import { AppError } from '@governsai/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { DECISION, decisionAttributes, messageAttributes } from './attributes.ts';
import { isTraced, traceHeaders, traceIdOf } from './propagation.ts';
import { describeActiveSpan, span, withLinkedSpan, withSpan } from './spans.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const traceparent = (flags: string) => `00-${TRACE_ID}-b7ad6b7169203331-${flags}`;

describe('isTraced', () => {
  it.each([
    [traceparent('01'), true],
    [traceparent('03'), true],
    [traceparent('00'), false],
    [traceparent('02'), false],
    [`cc${traceparent('01').slice(2)}-more`, true],
    ['01', false],
    ['', false],
    [undefined, false],
    [['00'], false],
  ])('%j: %j', (header, traced) => {
    expect(isTraced({ traceparent: header })).toBe(traced);
  });
});

describe('spans without tracing', () => {
  it('record nothing, build no attributes and carry no headers', async () => {
    const attributes = () => {
      throw new Error('built for nothing');
    };
    span('one', { attributes }).end();
    await withSpan('two', { attributes }, () => describeActiveSpan(attributes));
    await withLinkedSpan('three', [{ traceparent: traceparent('01') }], { attributes }, () => {});
    expect(traceHeaders()).toEqual({});
    expect(traceIdOf()).toBeUndefined();
  });
});

describe('spans', () => {
  const exporter = new InMemorySpanExporter();
  beforeAll(() => {
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  beforeEach(() => exporter.reset());
  afterAll(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });

  const only = () => exporter.getFinishedSpans()[0]!;

  it('share what they have in common, and keep what is their own to themselves', () => {
    const shared = messageAttributes({ name: 'process', type: 'process', topic: 'decisions.submitted' });
    const before = { ...shared };
    const own = decisionAttributes({ orgId: 'acme', id: 'dec_1', seq: 7, correlationId: 'c-1' });
    span('lazily', { shared, attributes: () => own }).end();
    span('at once', { shared, attributes: own }).end();
    span('alone', { shared }).end();
    const [lazily, atOnce, alone] = exporter.getFinishedSpans();
    const all = {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'decisions.submitted',
      'governsai.org.id': 'acme',
      'governsai.decision.id': 'dec_1',
      'governsai.decision.seq': 7,
      'governsai.correlation.id': 'c-1',
    };
    expect(lazily!.attributes).toEqual(all);
    expect(atOnce!.attributes).toEqual(all);
    expect(alone!.attributes).toEqual(before);
    expect(messageAttributes({ name: 'process', type: 'process', topic: 'decisions.submitted' })).toEqual(before);
  });

  it('names a decision by what DECISION says', () => {
    const own = decisionAttributes({ orgId: 'acme', id: 'dec_1', seq: 7, correlationId: 'c-1' });
    expect(Object.keys(own).sort()).toEqual(Object.values(DECISION).sort());
    expect(decisionAttributes({ orgId: 'acme', id: 'dec_1', correlationId: null })).toEqual({
      [DECISION.orgId]: 'acme',
      [DECISION.id]: 'dec_1',
    });
  });

  it('end as failed, without a word that is not ours', async () => {
    const failure = new Error('invalid input syntax for type json: "secret"', { cause: 'secret' });
    await expect(withSpan('work', {}, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(only().status).toEqual({ code: SpanStatusCode.ERROR });
    expect(only().attributes).toEqual({ 'error.type': 'Error' });
    expect(only().events[0]!.attributes).toMatchObject({ 'exception.type': 'Error' });
    expect(JSON.stringify([only().attributes, only().events])).not.toContain('secret');
  });

  it('say our own words of an outage, and its cause', async () => {
    const outage = new AppError('UNAVAILABLE', 'Kafka is away', { cause: new TypeError('not ours') });
    await expect(withSpan('work', {}, () => Promise.reject(outage))).rejects.toBe(outage);
    expect(only().status).toEqual({ code: SpanStatusCode.ERROR, message: 'Kafka is away' });
    expect(only().events[0]!.attributes).toMatchObject({ 'exception.type': 'TypeError' });
  });

  it('do not count a refusal of what the client asked as an error', async () => {
    await expect(withSpan('work', {}, () => Promise.reject(new AppError('VALIDATION_FAILED', 'no')))).rejects.toThrow(
      'no',
    );
    expect(only().status.code).toBe(SpanStatusCode.UNSET);
    expect(only().attributes).toEqual({ 'error.type': 'VALIDATION_FAILED' });
  });

  it('link to the recorded traces they serve, and are none when there are none', async () => {
    await withLinkedSpan('batch', [{ traceparent: traceparent('00') }, {}], {}, () => {});
    expect(exporter.getFinishedSpans()).toEqual([]);
    await context.with(trace.setSpan(ROOT_CONTEXT, span('outer')), () =>
      withLinkedSpan('batch', [{ traceparent: traceparent('01') }, {}], {}, () => {}),
    );
    expect(only().links.map((link) => link.context.traceId)).toEqual([TRACE_ID]);
    expect(only().parentSpanContext).toBeUndefined();
  });
});
