import type { ServiceName } from './topics.ts';

interface EdgeRule {
  /** Matched against the whole path of the URL, without its query. The first match wins. */
  pattern: RegExp;
  service: ServiceName;
}

/** Which service answers a path on the edge, for the Ingress and the local edge alike. Everything else is 404 there. */
export const EDGE_RULES: readonly EdgeRule[] = [
  { pattern: /^\/ws\/ingest$/, service: 'ingest-gateway' },
  { pattern: /^\/ws$/, service: 'push-gateway' },
  { pattern: /^\/v1\/decisions$/, service: 'ingest-gateway' },
  { pattern: /^\/v1\/orgs\/[^/]+\/decisions\/stream$/, service: 'push-gateway' },
  { pattern: /^\/v1\/orgs\/[^/]+\/(decisions|chain|policies)(\/.*)?$/, service: 'decision-writer' },
  { pattern: /^\/v1\/orgs\/[^/]+\/(budgets|holds|usage|prices|webhooks)(\/.*)?$/, service: 'budget-tracker' },
  { pattern: /^\/v1\/orgs\/[^/]+\/(connections|notifications)(\/.*)?$/, service: 'push-gateway' },
  { pattern: /^\/v1\/(orgs|auth)(\/.*)?$/, service: 'auth' },
  { pattern: /^\/v1\/health$/, service: 'auth' },
];

/** The service that answers a path; null when the edge has none. */
export function edgeService(path: string): ServiceName | null {
  return EDGE_RULES.find((rule) => rule.pattern.test(path))?.service ?? null;
}
