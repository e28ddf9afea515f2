import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../../tools/src/paths.ts';

/** A rule of Prometheus: an alert, or a series that it records. */
export interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A dashboard of Grafana and the expressions in it: those of its panels, and what its variables ask for. */
export interface Dashboard {
  name: string;
  queries: string[];
}

const RULES = join(ROOT, 'helm/governsai/files/rules');
const DASHBOARDS = join(ROOT, 'helm/governsai/files/dashboards');

/** The files of rules that the chart ships. */
export const ruleFiles: readonly string[] = readdirSync(RULES).map((name) => join(RULES, name));

/** Every rule in them. */
export const rules: readonly Rule[] = ruleFiles.flatMap((file) =>
  (parse(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules),
);

/** Every dashboard that the chart ships. */
export const dashboards: readonly Dashboard[] = readdirSync(DASHBOARDS).map((name) => ({
  name,
  queries: queriesOf(JSON.parse(readFileSync(join(DASHBOARDS, name), 'utf8'))),
}));

function queriesOf(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(queriesOf);
  if (node === null || typeof node !== 'object') return [];
  return Object.entries(node).flatMap(([key, value]) =>
    (key === 'expr' || key === 'definition') && typeof value === 'string' ? [value] : queriesOf(value),
  );
}
