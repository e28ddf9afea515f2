import { z } from 'zod';
import type { Scope } from '../scopes.ts';
import type { ServiceName } from '../topics.ts';

/**
 * How a route is guarded: a scope in the org of the path, any valid credential, another service, or nobody. `ticket`: browsers,
 * which cannot set headers there, may show a ticket as `?ticket=`.
 */
export type RouteAuth = { scope: Scope; ticket?: true } | 'credential' | 'internal' | 'none';

/** One HTTP route: the single statement that validation, OpenAPI, the edge and the isolation tests are made from. */
export interface HttpRoute<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
> {
  /** operationId of OpenAPI. */
  name: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Express style: `/v1/orgs/:org/decisions`. */
  path: string;
  owner: ServiceName;
  summary: string;
  auth: RouteAuth;
  params: Params;
  query: Query;
  /** Null when the route takes no body. */
  body: Body | null;
  /** True: `body` documents it, and the handler gets the parsed JSON as it is, to answer item by item. */
  rawBody: boolean;
  /** Status of success. */
  status: number;
  response: Response;
  /** Media type of success; `application/json` unless said. */
  mediaType: string;
}

const nothing = z.object({});

/** States a route; what is left out takes the plain default (no parameters, no body, 200, JSON). */
export function defineRoute<
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = z.ZodNever,
  Response extends z.ZodType = z.ZodUnknown,
>(
  route: Pick<HttpRoute, 'name' | 'method' | 'path' | 'owner' | 'summary' | 'auth'> & {
    params?: Params;
    query?: Query;
    body?: Body;
    rawBody?: boolean;
    response: Response;
    status?: number;
    mediaType?: string;
  },
): HttpRoute<Params, Query, Body, Response> {
  return {
    ...route,
    params: route.params ?? (nothing as unknown as Params),
    query: route.query ?? (nothing as unknown as Query),
    body: route.body ?? null,
    rawBody: route.rawBody ?? false,
    status: route.status ?? 200,
    mediaType: route.mediaType ?? 'application/json',
  };
}

/** A page of a list: `next` is opaque and goes back as `cursor`; null at the end. */
export function page<Item extends z.ZodType>(item: Item) {
  const next = z.string().nullable().describe('Goes back as `cursor` for the next page; null at the end.');
  return z.object({ items: z.array(item), next });
}
