import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemEnvironment } from './environment.ts';
import { ROOT } from './paths.ts';
import { HOST } from './ports.ts';
import type { ProcessSpec } from './process.ts';

/** Where Prometheus usually listens. */
export const PROMETHEUS_PORT = 9090;

export interface PrometheusOptions {
  port: number;
  /** `host:port` of each service. */
  targets: readonly string[];
  /** Seconds between two looks at the services; 5 unless given. */
  scrapeSeconds?: number;
  /** Seconds between two evaluations of the rules; 15 unless given. */
  evaluationSeconds?: number;
}

/** How to run a Prometheus that reads the services and knows the chart's rules. */
export function preparePrometheus(binary: string, dir: string, options: PrometheusOptions): ProcessSpec {
  const { scrapeSeconds = 5, evaluationSeconds = 15 } = options;
  const config = join(dir, 'prometheus.json');
  mkdirSync(dir, { recursive: true });
  // JSON is YAML.
  const content = {
    global: { scrape_interval: `${scrapeSeconds}s`, evaluation_interval: `${evaluationSeconds}s` },
    rule_files: [join(ROOT, 'helm/governsai/files/rules/*.yaml')],
    // The services name themselves in the label `service`.
    scrape_configs: [{ job_name: 'governsai', honor_labels: true, static_configs: [{ targets: options.targets }] }],
  };
  writeFileSync(config, JSON.stringify(content, null, 2));
  const address = `${HOST}:${options.port}`;
  return {
    name: 'prometheus',
    command: binary,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, 'prometheus')}`,
      '--storage.tsdb.retention.size=256MB',
      `--web.listen-address=${address}`,
    ],
    env: systemEnvironment(),
    stopSignal: 'SIGTERM',
    servesOthers: true,
    ready: { url: `http://${address}/-/ready` },
  };
}
