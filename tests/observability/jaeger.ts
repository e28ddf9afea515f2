import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReceivedSpan } from '@governsai/telemetry/testing';
import { ROOT } from '../../tools/src/paths.ts';
import { freePorts, HOST } from '../../tools/src/ports.ts';
import type { TraceStore } from './trace-store.ts';

const START_MS = 30_000;

/** The Jaeger 2 to use: JAEGER_BIN, `.dev/bin/jaeger`, or the one of the PATH; null without one. */
export function findJaeger(): string | null {
  const paths = (process.env.PATH ?? '').split(delimiter).map((path) => join(path, 'jaeger'));
  const candidates = [process.env.JAEGER_BIN ?? '', join(ROOT, '.dev/bin/jaeger'), ...paths];
  return candidates.find((path) => path !== '' && isExecutable(path)) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A Jaeger of this test's own, on free ports, with everything in memory. */
export async function startJaeger(binary: string, dir: string): Promise<TraceStore> {
  const ports = await freePorts(['otlp', 'grpc', 'query', 'queryGrpc', 'health']);
  mkdirSync(dir, { recursive: true });
  const config = join(dir, 'jaeger.json');
  writeFileSync(config, JSON.stringify(configuration(ports)));
  const log = openSync(join(dir, 'jaeger.log'), 'a');
  const child = spawn(binary, ['--config', config], { stdio: ['ignore', log, log] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  const query = `http://${HOST}:${ports.query}`;
  await untilItAnswers(query, () => child.exitCode !== null, dir);
  const ask = async (path: string) => {
    const answer = await fetch(query + path);
    if (answer.status === 404) return [];
    if (!answer.ok) throw new Error(`Jaeger answered ${path} with ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { data: JaegerTrace[] }).data.map(spansOf);
  };
  return {
    name: `Jaeger (${binary})`,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:${ports.otlp}` },
    search: (service, attribute, value) => {
      const tags = encodeURIComponent(JSON.stringify({ [attribute]: value }));
      return ask(`/api/traces?service=${service}&tags=${tags}&limit=20&lookback=1h`);
    },
    trace: async (traceId) => (await ask(`/api/traces/${traceId}`))[0] ?? [],
    async stop() {
      child.kill('SIGTERM');
      await Promise.race([ended, delay(5000).then(() => child.kill('SIGKILL'))]);
    },
  };
}

async function untilItAnswers(url: string, hasEnded: () => boolean, dir: string): Promise<void> {
  for (const deadline = Date.now() + START_MS; Date.now() < deadline && !hasEnded(); await delay(100)) {
    const answer = await fetch(`${url}/api/services`).catch(() => null);
    if (answer?.ok) return;
  }
  throw new Error(`Jaeger does not answer; see ${join(dir, 'jaeger.log')}`);
}

function configuration(ports: Record<'otlp' | 'grpc' | 'query' | 'queryGrpc' | 'health', number>): object {
  const at = (port: number) => ({ endpoint: `${HOST}:${port}` });
  return {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query', 'healthcheckv2'],
      pipelines: { traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
    },
    extensions: {
      healthcheckv2: { use_v2: true, http: at(ports.health) },
      jaeger_query: { storage: { traces: 'memory' }, http: at(ports.query), grpc: at(ports.queryGrpc) },
      jaeger_storage: { backends: { memory: { memory: { max_traces: 50_000 } } } },
    },
    receivers: { otlp: { protocols: { http: at(ports.otlp), grpc: at(ports.grpc) } } },
    processors: { batch: { timeout: '200ms' } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
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
