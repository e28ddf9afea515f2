import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'helm/governsai');
/** What the chart expects of the platform. */
export const PLATFORM = join(ROOT, 'k8s');

/** Where a local cluster tool leaves its programs; looked at after the PATH. */
const CLUSTER_DIR = process.env.CLUSTER_DIR ?? join(homedir(), '.cache/local-cluster');

/** An object of Kubernetes, as far as the tests look. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: the tests look at every kind of object
  spec: any;
  // biome-ignore lint/suspicious/noExplicitAny: the same
  data?: any;
}

/** The environment for helm: with the plugins of the local cluster tool, unless others are named. */
export function helmEnvironment(): NodeJS.ProcessEnv {
  const plugins = join(CLUSTER_DIR, 'helm-plugins');
  return { ...(existsSync(plugins) && { HELM_PLUGINS: plugins }), ...process.env };
}

/** The path of a program, null where this machine has none. */
export function program(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(CLUSTER_DIR, 'bin')];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/**
 * Arguments of kubeconform for a check without a network; null where there are no schemas of Kubernetes. Objects of operators are
 * checked too where KUBECONFORM_CRD_SCHEMAS names their schemas (tools/k8s/crd-schemas.mjs makes them), else passed over.
 */
export function kubeconformArguments(): string[] | null {
  const location =
    process.env.KUBECONFORM_SCHEMAS ?? join(CLUSTER_DIR, 'schemas/{{.ResourceKind}}{{.KindSuffix}}.json');
  if (!existsSync(location.replace(/\/\{\{.*$/, ''))) return null;
  const operators = process.env.KUBECONFORM_CRD_SCHEMAS;
  const more = operators ? ['-schema-location', operators] : ['-ignore-missing-schemas'];
  return ['-strict', '-summary', '-schema-location', location, ...more];
}

/** Every values file that is to render: those of `ci/` and the two examples. */
export function valuesFiles(): string[] {
  const ci = readdirSync(join(CHART, 'ci')).map((name) => join('ci', name));
  return [...ci, 'values-small.yaml', 'values-production.yaml'];
}

export interface Rendered {
  ok: boolean;
  /** What was rendered, or why not. */
  text: string;
  manifests: Manifest[];
}

/** `helm template` with a values file of the chart and single values on top; not ok, with the reason, where helm is null. */
export function render(helm: string | null, file: string | null, ...set: string[]): Rendered {
  // jest also runs the body of a describe that it skips.
  if (helm === null) return { ok: false, text: 'helm is not installed', manifests: [] };
  const args = ['template', 'rel', CHART, '--namespace', 'ns', '--kube-version', '1.35.0'];
  if (file) args.push('--values', join(CHART, file));
  for (const value of set) args.push(value.startsWith('json:') ? '--set-json' : '--set', value.replace(/^json:/, ''));
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' });
  if (status !== 0) return { ok: false, text: stderr, manifests: [] };
  return { ok: true, text: stdout, manifests: parse(stdout) };
}

function parse(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() ? [document.toJS() as Manifest] : []));
}
