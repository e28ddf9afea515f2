import { describe, expect, it } from '@jest/globals';
import { type Link, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { samplerFromEnvironment } from './trace-sampler.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const other = (traceFlags: TraceFlags) => ({
  traceId: TRACE_ID,
  spanId: 'b7ad6b7169203331',
  traceFlags,
  isRemote: true,
});
const decide = (env: NodeJS.ProcessEnv, { parent = ROOT_CONTEXT, links = [] as Link[] } = {}) =>
  samplerFromEnvironment(env).shouldSample(parent, TRACE_ID, 'work', SpanKind.CONSUMER, {}, links).decision;
const { NOT_RECORD, RECORD_AND_SAMPLED } = SamplingDecision;

describe('the sampler of the environment', () => {
  it.each([
    [{}, RECORD_AND_SAMPLED],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, NOT_RECORD],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, NOT_RECORD],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1' }, RECORD_AND_SAMPLED],
  ])('%j', (env, decision) => {
    expect(decide(env)).toBe(decision);
  });

  it('follows the parent, recorded or not', () => {
    const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
    const parent = (flags: TraceFlags) => trace.setSpanContext(ROOT_CONTEXT, other(flags));
    expect(decide(env, { parent: parent(TraceFlags.SAMPLED) })).toBe(RECORD_AND_SAMPLED);
    expect(decide({}, { parent: parent(TraceFlags.NONE) })).toBe(NOT_RECORD);
  });

  it('records a batch that handled a recorded message', () => {
    const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
    expect(decide(env, { links: [{ context: other(TraceFlags.SAMPLED) }] })).toBe(RECORD_AND_SAMPLED);
    expect(decide(env, { links: [{ context: other(TraceFlags.NONE) }] })).toBe(NOT_RECORD);
  });

  it('says what a wrong variable should be', () => {
    expect(() => samplerFromEnvironment({ OTEL_TRACES_SAMPLER: 'some' })).toThrow('use always_on');
    expect(() =>
      samplerFromEnvironment({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '10%' }),
    ).toThrow('use a number from 0 to 1');
  });
});
