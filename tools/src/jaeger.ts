import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemEnvironment } from './environment.ts';
import { HOST } from './ports.ts';
import type { ProcessSpec } from './process.ts';
import { findProgram } from './programs.ts';

/** Jaeger's usual ports: where it takes traces and where it shows them, over HTTP and gRPC, and where it says that it is well. */
export const JAEGER_PORTS = {
  'jaeger-otlp': 4318,
  'jaeger-otlp-grpc': 4317,
  'jaeger-query': 16686,
  'jaeger-query-grpc': 16685,
  'jaeger-health': 13133,
} as const;
export type JaegerPorts = Record<keyof typeof JAEGER_PORTS, number>;

/** The Jaeger 2 to use: JAEGER_BIN, or a {@link findProgram}; null without one. */
export function findJaeger(): string | null {
  return process.env.JAEGER_BIN || findProgram('jaeger');
}

/** How to run a Jaeger that keeps its traces in memory. `dir` holds its configuration. */
export function prepareJaeger(binary: string, dir: string, ports: JaegerPorts): ProcessSpec {
  const config = join(dir, 'jaeger.json');
  mkdirSync(dir, { recursive: true });
  writeFileSync(config, JSON.stringify(configuration(ports), null, 2));
  return {
    name: 'jaeger',
    command: binary,
    args: ['--config', config],
    env: systemEnvironment(),
    stopSignal: 'SIGTERM',
    servesOthers: true,
    ready: { url: `http://${HOST}:${ports['jaeger-query']}/api/services` },
  };
}

function configuration(ports: JaegerPorts): object {
  const at = (port: number) => ({ endpoint: `${HOST}:${port}` });
  return {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query', 'healthcheckv2'],
      pipelines: { traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
    },
    extensions: {
      healthcheckv2: { use_v2: true, http: at(ports['jaeger-health']) },
      jaeger_query: {
        storage: { traces: 'memory' },
        http: at(ports['jaeger-query']),
        grpc: at(ports['jaeger-query-grpc']),
      },
      jaeger_storage: { backends: { memory: { memory: { max_traces: 50_000 } } } },
    },
    receivers: { otlp: { protocols: { http: at(ports['jaeger-otlp']), grpc: at(ports['jaeger-otlp-grpc']) } } },
    processors: { batch: { timeout: '200ms' } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
  };
}
