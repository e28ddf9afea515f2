import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { startOtlpReceiver } from '@governsai/telemetry/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT } from '../../tools/src/paths.ts';
import { findProgram } from '../../tools/src/programs.ts';
import { type Stack, startStack } from '../../tools/src/stack.ts';
import { startPrometheus, type TestPrometheus } from './prometheus.ts';
import { selectorsOf } from './promql.ts';
import { dashboards, rules } from './shipped.ts';
import { openTraffic, type Traffic } from './traffic.ts';

// Everything that ships is put to a real Prometheus that reads a real stack at work: an expression that a parser takes and
// that names only what exists may still find nothing, for a label has another value or both sides of an operator never match.

const PATIENCE_MS = 180_000;

/** What a system that is well has nothing to say of. */
const QUIET = new Map([
  ['sum by (service, dependency) (1 - governsai_dependency_up) > 0', 'every dependency is there'],
  [
    'min by (certificate) (governsai_certificate_expiry_timestamp_seconds) - time()',
    'this stack has no certificates; see libs/telemetry/src/certificates.test.ts',
  ],
  [
    'sum by (service, topic) (rate(governsai_kafka_send_failures_total{topic=~"$topic"}[$__rate_interval]))',
    'every write is confirmed',
  ],
  [
    'sum by (service, topic) (increase(governsai_kafka_broadcast_skipped_total{topic=~"$topic"}[1h]))',
    'every broadcast is handled',
  ],
]);

const prometheusBinary = findProgram('prometheus');
// Jest says "skipped", not why.
if (!prometheusBinary) process.stderr.write('skipped: prometheus is not on the PATH; Debian has it as a package\n');

(prometheusBinary ? describe : describe.skip)('a real Prometheus that reads a real stack at work', () => {
  const dir = join(import.meta.dirname, '../../.test', `queries-${process.pid}`);
  let collector: Awaited<ReturnType<typeof startOtlpReceiver>>;
  let stack: Stack;
  let prometheus: TestPrometheus;
  let traffic: Traffic;

  beforeAll(async () => {
    collector = await startOtlpReceiver();
    const shared = {
      METRICS_TOP_ORGS: '5',
      BUDGETS_CHECK_INTERVAL: '1000',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    };
    const env = Object.fromEntries(SERVICES.map((name) => [name, shared])) as Record<ServiceName, typeof shared>;
    stack = await startStack({ dir, temporary: true, env });
    const targets = SERVICES.map((name) => new URL(stack.describe().services[name].url).host);
    prometheus = await startPrometheus(prometheusBinary ?? '', `${dir}-prometheus`, targets);
    traffic = await openTraffic(stack);
  }, 300_000);

  afterAll(async () => {
    traffic?.close();
    await prometheus?.stop();
    await stack?.stop();
    await collector?.close();
  }, 120_000);

  /** Does what users do, until `isDone` or for too long. */
  async function work(isDone: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(500)) {
      await traffic.round();
      if (await isDone()) return;
    }
  }

  /** Until every service has been read once more. */
  async function scraped(): Promise<void> {
    const now = Date.now() / 1000;
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(200)) {
      const read = await prometheus.query('timestamp(governsai_info)');
      if (read.length === SERVICES.length && read.every(({ value }) => value > now)) return;
    }
    throw new Error('Prometheus does not read every service any more');
  }

  async function silent(expressions: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const expression of expressions) {
      const samples = await prometheus.query(expression);
      if (!samples.some(({ value }) => Number.isFinite(value))) found.push(expression);
    }
    return found;
  }

  it('finds something for every query of the dashboards', async () => {
    const asked = new Map(
      dashboards.flatMap(({ queries }) => queries).map((query) => [inGrafana(query), query] as const),
    );
    // What is quiet where all is well may speak on a busy machine, of a dependency that was slow to answer once.
    const empty = async () =>
      (await silent([...asked.keys()]))
        .map((expression) => asked.get(expression) ?? '')
        .filter((query) => !QUIET.has(query));
    let left: string[] = [];
    await work(async () => {
      left = await empty();
      return left.length === 0;
    });
    expect(left).toEqual([]);
    expect([...asked.values()]).toEqual(expect.arrayContaining([...QUIET.keys()]));
  }, 300_000);

  it('records every series of the recording rules', async () => {
    const recorded = rules.flatMap(({ record }) => record ?? []);
    let left: string[] = [];
    await work(async () => {
      left = await silent(recorded);
      return left.length === 0;
    });
    expect(left).toEqual([]);
  }, 300_000);

  it('has what every alert looks at, so that none is blind, and fires none', async () => {
    const alerts = rules.filter(({ alert }) => alert !== undefined);
    const selectors = new Set(alerts.flatMap(({ expr }) => selectorsOf(expr).map(({ text }) => text)));
    const blind = await silent([...selectors].map((selector) => `count(${selector})`));
    expect(blind.sort()).toEqual([
      'count(governsai_certificate_expiry_timestamp_seconds)',
      'count(governsai_http_requests_total{status=~"5..", route!~"/(livez|readyz|startupz)"})',
    ]);
    expect(await prometheus.firing()).toEqual([]);
  }, 120_000);

  it('G10: no client makes up a label: whatever they send, there are no more series than before', async () => {
    const series = async () => {
      await scraped();
      const counted = await prometheus.query('count by (__name__) ({__name__=~"governsai_.*"})');
      return Object.fromEntries(counted.map(({ labels, value }) => [labels.__name__ ?? '', value]));
    };
    await traffic.oddities('a');
    let before = await series();
    await work(async () => {
      const last = before;
      before = await series();
      return JSON.stringify(last) === JSON.stringify(before);
    });
    for (const seed of ['b', 'c', 'd']) await traffic.oddities(seed);
    expect(await series()).toEqual(before);
  }, 300_000);

  it.each(SERVICES)('%s exposes what docs/metrics.md says, and nothing else', async (name) => {
    const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
    const rows = Array.from(page.matchAll(/^\| `(\w+)` \| \w+ \| [^|]* \| ([^|]*) \|/gm));
    const documented = rows.flatMap(([, metric = '', services = '']) =>
      services === 'all' || services.split(', ').includes(name) ? metric : [],
    );
    const scrape = await (await fetch(new URL('/metrics', stack.describe().services[name].url))).text();
    const exposed = Array.from(scrape.matchAll(/^# TYPE (\w+) /gm), ([, metric]) => metric);
    expect(exposed.sort()).toEqual(documented.sort());
  });
});

/** The expression as Grafana sends it, with its variables chosen. */
function inGrafana(query: string): string {
  const [, of = query] = /^label_values\((.*), \w+\)$/.exec(query) ?? [];
  return of.replaceAll('$__rate_interval', '1m').replaceAll('$topic', '.*').replaceAll('$org', 'acme');
}
