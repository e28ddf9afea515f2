import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { type MetricInfo, metricsDoc } from './metrics-doc.ts';
import { ROOT } from './paths.ts';

// Metrics are made when a service's modules are loaded, and nothing else happens then. A process for each service: they share
// one registry otherwise.
const PROBE = `
  const [app, doc] = process.argv.slice(1);
  await import(app);
  const { enableProcessMetrics, register } = await import('@governsai/service');
  enableProcessMetrics('');
  const { describeMetrics } = await import(doc);
  process.stdout.write(JSON.stringify(describeMetrics(register)));
  process.exit(0);
`;

function metricsOf(service: ServiceName): MetricInfo[] {
  const files = [join(ROOT, 'services', service, 'dist/app.js'), join(ROOT, 'tools/dist/metrics-doc.js')];
  const urls = files.map((file) => pathToFileURL(file).href);
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', PROBE, ...urls], { cwd: ROOT, encoding: 'utf8' }),
  );
}

/** `npm run metrics`: writes docs/metrics.md from the compiled services. */
const byService = Object.fromEntries(SERVICES.map((service) => [service, metricsOf(service)]));
const target = join(ROOT, 'docs/metrics.md');
writeFileSync(target, metricsDoc(byService as Record<ServiceName, MetricInfo[]>));
console.log(
  `${target}: ${new Set(Object.values(byService).flatMap((metrics) => metrics.map(({ name }) => name))).size} metrics`,
);
