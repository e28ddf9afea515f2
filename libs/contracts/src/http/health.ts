import { z } from 'zod';
import { timestamp } from '../identifiers.ts';
import { SERVICES, type ServiceName } from '../topics.ts';
import { defineRoute } from './route.ts';

export const dependencyStatus = z.object({
  name: z.string(),
  up: z.boolean().describe('Whether the last check went well.'),
  since: timestamp.describe('When it last changed between up and down.'),
  error: z.string().optional().describe('What the last check met.'),
  required: z.boolean().describe('Whether readiness needs it.'),
});

export const readiness = z
  .object({
    status: z
      .enum(['ready', 'degraded', 'starting', 'draining', 'unready'])
      .describe('Ready and degraded take traffic; degraded misses a dependency it can do without for a while.'),
    service: z.string(),
    version: z.string(),
    dependencies: z.array(dependencyStatus),
  })
  .meta({ id: 'Readiness', description: 'What /readyz of a service answers.' });
export type Readiness = z.infer<typeof readiness>;

const serviceHealth = z.object({
  status: z
    .string()
    .describe(
      'As its /readyz says; `unreachable` when it does not answer, `unknown` when auth does not know where it is.',
    ),
  away: z
    .array(z.object({ name: z.string(), since: timestamp }))
    .describe('The dependencies it does not reach, and since when.'),
});

export const getHealth = defineRoute({
  name: 'getHealth',
  method: 'get',
  path: '/v1/health',
  owner: 'auth',
  summary: 'All services in one answer, for people.',
  auth: 'none',
  response: z.object({
    status: z.enum(['ok', 'degraded', 'down']),
    services: z.record(z.enum(SERVICES as [ServiceName, ...ServiceName[]]), serviceHealth),
    timestamp,
  }),
});
