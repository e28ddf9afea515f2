import { AppError } from '@governsai/contracts';
import {
  type Attributes,
  type Context,
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TimeInput,
  trace,
} from '@opentelemetry/api';
import { statementAttributes } from './attributes.ts';
import { extractContext, isTraced, type TraceHeaders } from './propagation.ts';

const tracer = trace.getTracer('governsai');

export interface SpanOptions {
  kind?: SpanKind;
  /** A function is called only when the span is recorded. */
  attributes?: Attributes | (() => Attributes);
  /** Besides them, what many spans have in common; copied, so that one object serves all. */
  shared?: Attributes;
  /** The context to continue; the active one unless given. */
  parent?: Context;
  links?: Link[];
  /** When it began, for work that is told of afterwards; now unless given. */
  startTime?: TimeInput;
}

/** Begins a span, which the caller ends. It records nothing when tracing is off or its trace is not sampled. */
export function span(name: string, options: SpanOptions = {}): Span {
  const { attributes, shared, links = [], startTime } = options;
  const started = tracer.startSpan(
    name,
    {
      kind: options.kind ?? SpanKind.INTERNAL,
      attributes: shared ?? (typeof attributes === 'object' ? attributes : {}),
      links,
      ...(startTime === undefined ? {} : { startTime }),
    },
    options.parent ?? context.active(),
  );
  if (started.isRecording()) {
    if (typeof attributes === 'function') started.setAttributes(attributes());
    else if (shared && attributes) started.setAttributes(attributes);
  }
  return started;
}

/** Runs `work` inside a span that ends with it and is marked as failed when it throws. */
export async function withSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => T | Promise<T>,
): Promise<T> {
  const running = span(name, options);
  try {
    return await context.with(trace.setSpan(options.parent ?? context.active(), running), () => work(running));
  } catch (error) {
    recordFailure(running, error);
    throw error;
  } finally {
    running.end();
  }
}

/**
 * Runs work that serves many traces at once in a span of a trace of its own, which links to those that are recorded. Without
 * any there is no span.
 *
 * @param carriers the headers that carry the traces.
 */
export async function withLinkedSpan<T>(
  name: string,
  carriers: Iterable<TraceHeaders>,
  options: Omit<SpanOptions, 'parent' | 'links'>,
  work: () => T | Promise<T>,
): Promise<T> {
  const links = linksTo(carriers);
  return links.length === 0 ? work() : withSpan(name, { ...options, parent: ROOT_CONTEXT, links }, work);
}

function linksTo(carriers: Iterable<TraceHeaders>): Link[] {
  const links: Link[] = [];
  for (const carrier of carriers) {
    if (!isTraced(carrier)) continue;
    const linked = trace.getSpanContext(extractContext(carrier));
    if (linked) links.push({ context: linked });
  }
  return links;
}

/**
 * Tells a trace of a statement that ended just now and served many traces at once, as one that stores a batch does.
 * `summary` as in {@link statementAttributes}.
 */
export function recordStatement(summary: string, options: Required<Pick<SpanOptions, 'parent' | 'startTime'>>): void {
  const { parent, startTime } = options;
  span(summary, { parent, startTime, kind: SpanKind.CLIENT, attributes: statementAttributes(summary) }).end();
}

/** Adds attributes to the active span; builds them only if it is recorded. */
export function describeActiveSpan(attributes: () => Attributes): void {
  const active = trace.getActiveSpan();
  if (active?.isRecording()) active.setAttributes(attributes());
}

/**
 * Notes why a span's work failed. A refusal of what the client asked is told by `error.type` alone: it is no error of ours. Of
 * any other error the message is told only if it is in our own words, as another's may quote contents (G12).
 */
export function recordFailure(failed: Span, error: unknown): void {
  if (!failed.isRecording()) return;
  if (error instanceof AppError) {
    failed.setAttribute('error.type', error.code);
    if (error.status < 500) return;
    failed.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    if (error.cause !== undefined) addException(failed, error.cause);
    return;
  }
  failed.setAttribute('error.type', typeOf(error));
  failed.setStatus({ code: SpanStatusCode.ERROR });
  addException(failed, error);
}

function addException(failed: Span, error: unknown): void {
  const stack = error instanceof Error ? framesOf(error) : undefined;
  failed.addEvent('exception', {
    'exception.type': typeOf(error),
    ...(stack === undefined ? {} : { 'exception.stacktrace': stack }),
  });
}

function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}

/** The stack without its first lines, which repeat the message. */
function framesOf({ stack }: Error): string | undefined {
  const frames = stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return frames?.join('\n');
}
