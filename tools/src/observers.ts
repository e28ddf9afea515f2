import { Guard } from './guard.ts';
import { findJaeger, JAEGER_PORTS, prepareJaeger } from './jaeger.ts';
import { choosePorts, HOST } from './ports.ts';
import { ManagedProcess, type ProcessSpec } from './process.ts';
import { findProgram } from './programs.ts';
import { PROMETHEUS_PORT, preparePrometheus } from './prometheus.ts';
import type { StackFile } from './stack-file.ts';

/** What watches the local stack from outside, as far as this machine has it. */
export interface Observers {
  /** Where a Jaeger shows traces and a Prometheus metrics; null without one. */
  urls: Pick<StackFile, 'jaegerUrl' | 'prometheusUrl'>;
  /** What the services are to be told, so that their traces arrive there. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

interface ObserversOptions {
  dir: string;
  /** `host:port` of each service. */
  targets: readonly string[];
  say: (text: string) => void;
  output: (name: string, line: string) => void;
}

/** Starts a Jaeger and a Prometheus where there are such programs. One that does not start is left out. */
export async function startObservers({ dir, targets, say, output }: ObserversOptions): Promise<Observers> {
  const guard = new Guard();
  const running: ManagedProcess[] = [];
  const run = async (spec: ProcessSpec, url: string): Promise<boolean> => {
    const process = new ManagedProcess(spec, { guard, output, event: () => {} });
    try {
      await process.start();
    } catch (error) {
      say(`${spec.name} is left out, it does not start: ${(error as Error).message}`);
      return false;
    }
    running.push(process);
    say(`${spec.name} is at ${url}`);
    return true;
  };
  const ports = await choosePorts({ ...JAEGER_PORTS, prometheus: PROMETHEUS_PORT }, () => {});
  const jaeger = findJaeger();
  const prometheus = findProgram('prometheus');
  const jaegerUrl = `http://${HOST}:${ports['jaeger-query']}`;
  const prometheusUrl = `http://${HOST}:${ports.prometheus}`;
  const [traces, metrics] = await Promise.all([
    // Whoever exports an endpoint of their own has said where traces go.
    jaeger && !process.env.OTEL_EXPORTER_OTLP_ENDPOINT ? run(prepareJaeger(jaeger, dir, ports), jaegerUrl) : false,
    prometheus ? run(preparePrometheus(prometheus, dir, { port: ports.prometheus, targets }), prometheusUrl) : false,
  ]);
  return {
    urls: { jaegerUrl: traces ? jaegerUrl : null, prometheusUrl: metrics ? prometheusUrl : null },
    env: traces ? { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:${ports['jaeger-otlp']}` } : {},
    async stop() {
      await Promise.all(running.map((process) => process.stop()));
      await guard.close();
    },
  };
}
