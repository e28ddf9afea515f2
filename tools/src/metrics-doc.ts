import type { ServiceName } from '@governsai/contracts';

/** One metric as a service exposes it. */
export interface MetricInfo {
  name: string;
  help: string;
  type: string;
  labels: string[];
}

/** What a prom-client registry says of its metrics; the services' own is taken, wherever they were loaded. */
export interface MetricsRegistry {
  getMetricsAsArray(): unknown[];
}

/** Every metric of a registry, by name. Nothing is collected: a metric without a value is there as well. */
export function describeMetrics(registry: MetricsRegistry): MetricInfo[] {
  return registry
    .getMetricsAsArray()
    .map((metric) => {
      const { name, help, labelNames, type } = metric as { [Key in 'name' | 'help']: string } & {
        labelNames?: readonly string[];
        type?: string;
      };
      const kind = type ?? (metric as object).constructor.name;
      return { name, help, type: kind.toLowerCase(), labels: [...(labelNames ?? [])] };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The names a scrape shows for a metric. */
export function seriesOf({ name, type }: MetricInfo): string[] {
  if (type === 'histogram') return [`${name}_bucket`, `${name}_sum`, `${name}_count`];
  if (type === 'summary') return [name, `${name}_sum`, `${name}_count`];
  return [name];
}

const HEAD = `# Metrics

<!-- Made by \`npm run metrics\` from the code. Do not edit. -->

Every service answers \`GET /metrics\` in the Prometheus text format, on its own port and never on the edge. Each series has
the label \`service\` besides those named here. Durations are in seconds, with buckets at the powers of two from 2^-10
(about 1 ms) to 2^6 (64 s); sizes of batches have buckets at the powers of two from 1 to 4,096.

No label can be made to grow by a client: routes, message types, error codes and close codes are those that the code knows.
An org is named only when \`METRICS_TOP_ORGS\` says how many: the most used ones, the rest is \`other\`.

What the alerts and dashboards make of these is in [observability.md](observability.md).
`;

/** `docs/metrics.md`. */
export function metricsDoc(byService: Readonly<Record<ServiceName, readonly MetricInfo[]>>): string {
  const services = Object.keys(byService);
  const all = new Map<string, MetricInfo & { services: string[] }>();
  for (const [service, metrics] of Object.entries(byService)) {
    for (const metric of metrics) {
      const known = all.get(metric.name) ?? { ...metric, services: [] };
      known.services.push(service);
      all.set(metric.name, known);
    }
  }
  const sections = new Map<string, (MetricInfo & { services: string[] })[]>();
  for (const metric of [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const title = sectionOf(metric.name);
    sections.set(title, [...(sections.get(title) ?? []), metric]);
  }
  const tables = [...sections].map(([title, metrics]) => {
    const rows = metrics.map(
      ({ name, type, labels, help, services: of }) =>
        `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${of.length === services.length ? 'all' : of.join(', ')} | ${help.replaceAll('|', '\\|')} |`,
    );
    return `## ${title}\n\n| name | type | labels | services | meaning |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${HEAD}\n${tables.join('\n')}`;
}

const SECTIONS: readonly [prefix: string, title: string][] = [
  ['governsai_ingest_', 'Ingest'],
  ['governsai_recording_', 'Recording'],
  ['governsai_publication_', 'Recording'],
  ['governsai_chain_', 'Recording'],
  ['governsai_policy_', 'Recording'],
  ['governsai_tracker_', 'Budgets'],
  ['governsai_budget_', 'Budgets'],
  ['governsai_hold', 'Budgets'],
  ['governsai_webhook_', 'Budgets'],
  ['governsai_push_', 'Push'],
  ['governsai_ws_', 'Sockets'],
  ['governsai_http_', 'HTTP'],
  ['governsai_kafka_', 'Kafka'],
  ['governsai_db_', 'PostgreSQL'],
  ['governsai_access_', 'Access'],
  ['governsai_keys', 'Access'],
  ['governsai_org_', 'Orgs'],
  ['governsai_', 'The service itself'],
  ['', 'The process'],
];

function sectionOf(name: string): string {
  return SECTIONS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? '';
}
