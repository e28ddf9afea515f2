import { edgeService, ROUTES } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type EdgePath, edgePaths } from './edge-paths.ts';

const paths = edgePaths();
const longestFirst = (a: EdgePath, b: EdgePath) => b.path.length - a.path.length;

/** ingress-nginx: all paths are expressions, the longest first. The templates anchor them with `$`. */
function asNginxDoes(path: string): string | null {
  const first = [...paths].sort(longestFirst).find((rule) => new RegExp(`^${rule.path}$`).test(path));
  return first?.service ?? null;
}

/** Gateway API as Envoy Gateway and Istio order it: exact paths, then expressions, the longest first. */
function asGatewaysDo(path: string): string | null {
  const exact = paths.find((rule) => rule.exact && rule.path === path);
  const expression = paths
    .filter((rule) => !rule.exact)
    .sort(longestFirst)
    .find((rule) => new RegExp(`^${rule.path}$`).test(path));
  return (exact ?? expression)?.service ?? null;
}

const word = fc.constantFrom(
  ...['ws', 'ingest', 'v1', 'orgs', 'auth', 'health', 'decisions', 'stream', 'chain', 'policies', 'budgets', 'holds'],
  ...['usage', 'connections', 'acme', 'keys', 'verify', 'internal', 'livez', 'metrics', 'x'],
);

describe('the paths of the edge', () => {
  it('answer as the rules do, in the order that proxies give them, for every route of the contracts', () => {
    const samples = ROUTES.map(({ path }) => path.replace(/:\w+/g, 'acme'));
    expect(samples.length).toBeGreaterThan(10);
    for (const sample of samples) {
      expect([sample, asNginxDoes(sample), asGatewaysDo(sample)]).toEqual([
        sample,
        edgeService(sample),
        edgeService(sample),
      ]);
    }
  });

  it('answer as the rules do for any path', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), fc.constantFrom('', '/'), (words, end) => {
        const path = `/${words.join('/')}${end}`;
        expect([asNginxDoes(path), asGatewaysDo(path)]).toEqual([edgeService(path), edgeService(path)]);
      }),
      { numRuns: 5000 },
    );
  });

  it('never lead to internal routes, probes or metrics', () => {
    for (const path of ['/internal/verify', '/internal/ingest', '/livez', '/readyz', '/startupz', '/metrics']) {
      expect([asNginxDoes(path), asGatewaysDo(path)]).toEqual([null, null]);
    }
  });

  it('tell which connections stay open', () => {
    expect(paths.filter((rule) => rule.longLived).map((rule) => rule.path)).toEqual([
      '/ws/ingest',
      '/ws',
      '/v1/orgs/[^/]+/decisions/stream',
    ]);
  });
});
