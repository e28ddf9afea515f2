import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemEnvironment } from './environment.ts';
import { ROOT } from './paths.ts';
import { HOST } from './ports.ts';
import type { ProcessSpec } from './process.ts';

/** Where Prometheus usually listens. */
export const PROMETHEUS_PORT = 9090;

/** How to run a Prometheus that reads the services at `targets` (`host:port`) and knows the chart's rules. */
export function preparePrometheus(
  binary: string,
  dir: string,
  options: { port: number; targets: readonly string[] },
): ProcessSpec {
  const config = join(dir, 'prometheus.json');
  mkdirSync(dir, { recursive: true });
  // JSON is YAML.
  const content = {
    global: { scrape_interval: '5s', evaluation_interval: '15s' },
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
