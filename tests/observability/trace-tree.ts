import type { ReceivedSpan } from '@governsai/telemetry/testing';

/** The services that every decision passes, as far as somebody has subscribed to it. */
const WAY = ['ingest-gateway', 'decision-writer', 'budget-tracker', 'push-gateway'] as const;

/**
 * What is wrong with one decision's trace; empty when it is one tree with a span of each service on the way and a push of each
 * of `gateways` gateways. `from` is the span id of the producer's own span, which is not among them.
 */
export function faultsOf(spans: readonly ReceivedSpan[], gateways: number, from: string | null = null): string[] {
  const ids = new Set(spans.map((span) => span.spanId));
  const roots = spans.filter((span) => span.parentSpanId === from || span.parentSpanId === null);
  const lost = spans.filter((span) => span.parentSpanId !== from && !ids.has(span.parentSpanId ?? from ?? ''));
  const missing = WAY.filter((service) => !spans.some((span) => span.service === service));
  const pushes = new Set(spans.filter((span) => span.name === 'push decisions.recorded').map((span) => span.instance));
  return [
    ...(roots.length === 1 ? [] : [`${roots.length} spans begin the trace: ${roots.map(({ name }) => name)}`]),
    ...lost.filter((span) => !roots.includes(span)).map((span) => `the parent of ${span.name} is missing`),
    ...missing.map((service) => `no span of ${service}`),
    ...(pushes.size === gateways ? [] : [`${pushes.size} of ${gateways} gateways told of their push`]),
    ...(spans.some((span) => span.name === 'INSERT decisions') ? [] : ['no span of the statement that stored it']),
  ];
}

/** The trace as text, for people and for the report of a failure. */
export function drawTree(spans: readonly ReceivedSpan[]): string {
  const lines: string[] = [];
  const begin = Math.min(...spans.map((span) => span.startedAt));
  const draw = (span: ReceivedSpan, depth: number) => {
    const at = (span.startedAt - begin).toFixed(1).padStart(8);
    lines.push(`${at} ms ${'  '.repeat(depth)}${span.service}: ${span.name} (${span.durationMs.toFixed(1)} ms)`);
    const children = spans.filter((child) => child.parentSpanId === span.spanId);
    for (const child of children.sort((a, b) => a.startedAt - b.startedAt)) draw(child, depth + 1);
  };
  const ids = new Set(spans.map((span) => span.spanId));
  for (const span of spans) if (span.parentSpanId === null || !ids.has(span.parentSpanId)) draw(span, 0);
  return lines.join('\n');
}
