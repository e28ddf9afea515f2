import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type MetricInfo, seriesOf } from '../../tools/src/metrics-doc.ts';
import { ROOT } from '../../tools/src/paths.ts';
import { exposedMetrics } from './exposed-metrics.ts';
import { selectorsOf } from './promql.ts';
import { dashboards, rules } from './shipped.ts';

const TESTS = join(import.meta.dirname, 'rules');
const alerts = rules.filter((rule) => rule.alert !== undefined);
const recorded = new Set(rules.flatMap((rule) => rule.record ?? []));

/** Labels that a scrape adds, and that a histogram's buckets have. */
const ADDED = ['service', 'instance', 'job', 'le'];
const known = new Map<string, Set<string>>();

beforeAll(async () => {
  for (const metric of Object.values(await exposedMetrics()).flat() as MetricInfo[]) {
    for (const series of seriesOf(metric)) {
      known.set(series, new Set([...ADDED, ...metric.labels, ...(known.get(series) ?? [])]));
    }
  }
}, 60_000);

function unknownIn(expression: string): string[] {
  const selectors = selectorsOf(expression);
  if (selectors.length === 0) return [`no metric in ${expression}`];
  return selectors.flatMap(({ metric, labels }) => {
    if (recorded.has(metric)) return [];
    const has = known.get(metric);
    if (!has) return [`no service exposes ${metric}`];
    return labels.filter((label) => !has.has(label)).map((label) => `${metric} has no label ${label}`);
  });
}

it('every metric and label that a rule names is exposed', () => {
  expect(rules.length).toBeGreaterThan(40);
  expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
});

it('every metric and label that a dashboard names is exposed', () => {
  expect(dashboards.map(({ name }) => name).sort()).toEqual([
    'budgets.json',
    'org.json',
    'overview.json',
    'pipeline.json',
    'push.json',
  ]);
  for (const { name, queries } of dashboards) {
    expect({ name, unknown: queries.flatMap(unknownIn) }).toEqual({ name, unknown: [] });
  }
});

describe('each alert', () => {
  const tests = readdirSync(TESTS).flatMap(
    (name) =>
      (
        parse(readFileSync(join(TESTS, name), 'utf8')) as {
          tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
        }
      ).tests,
  );
  const outcomes = tests.flatMap((test) => test.alert_rule_test);

  it.each(alerts.map((rule) => [rule.alert, rule] as const))('%s has a runbook and tests', (name, rule) => {
    expect(['critical', 'warning', 'info']).toContain(rule.labels?.severity);
    expect(rule.annotations?.summary).toMatch(/\.$/);
    const runbook = join(ROOT, rule.annotations?.runbook ?? 'none');
    expect(existsSync(runbook)).toBe(true);
    const page = readFileSync(runbook, 'utf8');
    expect(page).toContain(`\`${name}\``);
    expect(page.match(/^## .*$/gm)).toEqual(['## What it means', '## How to see it', '## What to do']);
    const own = outcomes.filter((outcome) => outcome.alertname === name).map((outcome) => outcome.exp_alerts.length);
    expect(own).toEqual(expect.arrayContaining([1, 0]));
  });

  it('is what a runbook is about', () => {
    const pages = readdirSync(join(ROOT, 'docs/runbooks')).filter((page) => page !== 'README.md');
    const named = new Set(alerts.map((rule) => rule.annotations?.runbook));
    expect(pages.filter((page) => !named.has(`docs/runbooks/${page}`))).toEqual([]);
    const index = readFileSync(join(ROOT, 'docs/runbooks/README.md'), 'utf8');
    for (const page of pages) expect(index).toContain(`(${page})`);
  });
});
