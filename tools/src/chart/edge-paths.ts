import { EDGE_RULES, type ServiceName } from '@governsai/contracts';

/** One route of the edge in a form that Ingress and Gateway API can state. */
export interface EdgePath {
  /** The whole path; a regular expression without anchors when `exact` is false. */
  path: string;
  exact: boolean;
  service: ServiceName;
  /** Whether a connection stays open: a WebSocket or server-sent events. */
  longLived: boolean;
}

const LONG_LIVED = /^\/ws(\/|$)|\/stream$/;

/**
 * The edge's rules as single paths. Proxies do not keep an order of rules: they prefer exact paths, then longer expressions. So
 * every alternative becomes a path of its own, which makes the more specific one the longer one; chart.test.ts proves that this
 * order answers as the rules do.
 */
export function edgePaths(): EdgePath[] {
  return EDGE_RULES.flatMap(({ pattern, service }) =>
    alternatives(pattern).map((path) => ({
      path,
      exact: !/[[\]()*+?|.]/.test(path),
      service,
      longLived: LONG_LIVED.test(path),
    })),
  );
}

/** `/^\/v1\/(a|b)(\/.*)?$/` → `/v1/a(/.*)?`, `/v1/b(/.*)?`. */
function alternatives(pattern: RegExp): string[] {
  const source = /^\^(.*)\$$/.exec(pattern.source)?.[1]?.replaceAll('\\/', '/');
  if (source === undefined || /\\|\(\?/.test(source)) {
    throw new Error(`${pattern} must be anchored at both ends and use no escapes or look-around: proxies read it too`);
  }
  const choice = /\(([\w-]+(?:\|[\w-]+)+)\)/.exec(source);
  if (!choice?.[1]) return [source];
  const names = choice[1].split('|');
  return names.map((name) => source.slice(0, choice.index) + name + source.slice(choice.index + choice[0].length));
}
