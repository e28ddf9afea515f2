import type { ReceivedSpan } from '@governsai/telemetry/testing';
import { Guard } from '../../tools/src/guard.ts';
import { JAEGER_PORTS, type JaegerPorts, prepareJaeger } from '../../tools/src/jaeger.ts';
import { freePorts, HOST } from '../../tools/src/ports.ts';
import { ManagedProcess } from '../../tools/src/process.ts';
import type { TraceStore } from './trace-store.ts';

/** A Jaeger of this test's own, on free ports, with everything in memory. */
export async function startJaeger(binary: string, dir: string): Promise<TraceStore> {
  const ports: JaegerPorts = await freePorts(Object.keys(JAEGER_PORTS) as (keyof JaegerPorts)[]);
  const guard = new Guard();
  guard.removeAtEnd(dir);
  const jaeger = new ManagedProcess(prepareJaeger(binary, dir, ports), { guard, output: () => {}, event: () => {} });
  await jaeger.start();
  const query = `http://${HOST}:${ports['jaeger-query']}`;
  const ask = async (path: string) => {
    const answer = await fetch(query + path);
    if (answer.status === 404) return [];
    if (!answer.ok) throw new Error(`Jaeger answered ${path} with ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { data: JaegerTrace[] }).data.map(spansOf);
  };
  return {
    name: `Jaeger (${binary})`,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:${ports['jaeger-otlp']}` },
    search: (service, attribute, value) => {
      const tags = encodeURIComponent(JSON.stringify({ [attribute]: value }));
      return ask(`/api/traces?service=${service}&tags=${tags}&limit=20&lookback=1h`);
    },
    trace: async (traceId) => (await ask(`/api/traces/${traceId}`))[0] ?? [],
    async stop() {
      await jaeger.stop();
      await guard.close();
    },
  };
}

interface JaegerTag {
  key: string;
  value: string | number | boolean;
}

/** What of Jaeger's JSON is read here. */
interface JaegerTrace {
  processes: Record<string, { serviceName: string; tags: JaegerTag[] }>;
  spans: {
    traceID: string;
    spanID: string;
    processID: string;
    operationName: string;
    references: { refType: string; traceID: string; spanID: string }[];
    /** Microseconds. */
    startTime: number;
    duration: number;
    tags: JaegerTag[];
  }[];
}

function spansOf({ processes, spans }: JaegerTrace): ReceivedSpan[] {
  return spans.map((span) => {
    const process = processes[span.processID];
    const attributes = valuesOf(span.tags);
    const parent = span.references.find((to) => to.refType === 'CHILD_OF' && to.traceID === span.traceID);
    return {
      service: process?.serviceName ?? '',
      instance: String(valuesOf(process?.tags ?? [])['service.instance.id'] ?? ''),
      traceId: span.traceID,
      spanId: span.spanID,
      parentSpanId: parent?.spanID ?? null,
      name: span.operationName,
      attributes,
      links: span.references
        .filter((to) => to !== parent)
        .map(({ traceID: traceId, spanID: spanId }) => ({ traceId, spanId })),
      failed: attributes.error === true,
      startedAt: span.startTime / 1000,
      durationMs: span.duration / 1000,
    };
  });
}

function valuesOf(tags: readonly JaegerTag[]): ReceivedSpan['attributes'] {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}
