import { type Attributes, type Context, type Link, type SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';

/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name, `parentbased_always_on` unless set; throws an
 * Error that says how to put a wrong one right.
 *
 * A span that begins a trace and links to a recorded one is recorded as well: the batch that handled a recorded decision can
 * be looked up from it.
 */
export function samplerFromEnvironment(env: NodeJS.ProcessEnv): Sampler {
  return new LinkedSampler(named(env));
}

function named(env: NodeJS.ProcessEnv): Sampler {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on';
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio(env));
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio(env)) });
    default:
      throw new Error(
        `OTEL_TRACES_SAMPLER is ${JSON.stringify(name)}; use always_on, always_off, traceidratio or one of them with parentbased_ before it`,
      );
  }
}

function ratio(env: NodeJS.ProcessEnv): number {
  const value = Number(env.OTEL_TRACES_SAMPLER_ARG || '1');
  if (value >= 0 && value <= 1) return value;
  throw new Error(
    `OTEL_TRACES_SAMPLER_ARG is ${JSON.stringify(env.OTEL_TRACES_SAMPLER_ARG)}; use a number from 0 to 1`,
  );
}

class LinkedSampler implements Sampler {
  readonly #inner: Sampler;

  constructor(inner: Sampler) {
    this.#inner = inner;
  }

  shouldSample(
    parent: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    if (links.some(isRecorded) && !trace.getSpanContext(parent)) {
      return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    }
    return this.#inner.shouldSample(parent, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return `Linked{${this.#inner}}`;
  }
}

function isRecorded({ context }: Link): boolean {
  return (context.traceFlags & TraceFlags.SAMPLED) !== 0;
}
