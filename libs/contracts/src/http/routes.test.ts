import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { edgeService } from '../edge.ts';
import * as contracts from '../index.ts';
import type { HttpRoute } from './route.ts';
import { ROUTES } from './routes.ts';

const named = ROUTES.map((route) => [route.name, route] as const);
const sample = (path: string) => path.replace(/:org\b/, 'acme').replace(/:\w+/g, 'x1');

describe('routes', () => {
  it('have names and places of their own', () => {
    expect(new Set(ROUTES.map((route) => route.name)).size).toBe(ROUTES.length);
    expect(new Set(ROUTES.map((route) => `${route.method} ${sample(route.path)}`)).size).toBe(ROUTES.length);
  });

  it('are all listed', () => {
    const isRoute = (value: unknown): value is HttpRoute =>
      typeof value === 'object' && value !== null && 'owner' in value && 'auth' in value;
    const stated = Object.values<unknown>(contracts).filter(isRoute);
    expect(ROUTES.map((route) => route.name).sort()).toEqual(stated.map((route) => route.name).sort());
  });

  it.each(named)('%s checks exactly the parameters of its path', (_name, route) => {
    const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    expect(Object.keys((route.params as z.ZodObject).shape).sort()).toEqual(inPath.sort());
  });

  it.each(named)('G6: %s is guarded in the org it names', (_name, route) => {
    expect(typeof route.auth === 'object').toBe(route.path.includes('/:org'));
  });

  it.each(named)('%s is on the edge at its owner, or internal and not there', (_name, route) => {
    const internal = route.auth === 'internal';
    expect(route.path.startsWith('/internal/')).toBe(internal);
    expect(edgeService(sample(route.path))).toBe(internal ? null : route.owner);
  });
});

describe('the edge', () => {
  it.each([
    ['/ws', 'push-gateway'],
    ['/ws/ingest', 'ingest-gateway'],
    ['/v1/orgs/acme/decisions/stream', 'push-gateway'],
    ['/v1/orgs/acme/decisions/export', 'decision-writer'],
    ['/v1/orgs/acme/chain/verify', 'decision-writer'],
    ['/v1/orgs/acme/holds/h1/settle', 'budget-tracker'],
    ['/v1/orgs/acme/keys/k1/rotate', 'auth'],
    ['/v1/auth/login', 'auth'],
  ])('leads %s to %s', (path, service) => expect(edgeService(path)).toBe(service));

  it.each([
    '/',
    '/metrics',
    '/livez',
    '/readyz',
    '/startupz',
    '/internal/verify',
    '/ws/',
    '/v1/decisions/',
    '/v2/decisions',
  ])('has no %s', (path) => expect(edgeService(path)).toBeNull());
});
