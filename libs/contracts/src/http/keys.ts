import { z } from 'zod';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { rate } from '../rate.ts';
import { scope } from '../scopes.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const orgParams = z.object({ org: orgId });
const keyParams = z.object({ org: orgId, id: text(64, 1) });
const MAX_CIDRS = 64;

/** A future time as RFC 3339 in UTC. */
const futureTime = timestamp.refine((value) => Date.parse(value) > Date.now(), 'must be in the future');

/** An IPv4 or IPv6 network such as `192.0.2.0/24`; a single address counts as a network of one. */
const cidr = z.union([
  z.cidrv4(),
  z.cidrv6(),
  z.ipv4().transform((address) => `${address}/32`),
  z.ipv6().transform((address) => `${address}/128`),
]);

export const apiKey = z
  .object({
    id: z.string().describe('Stays the same when the secret is rotated.'),
    name: z.string(),
    prefix: z.string().describe('The first characters of the secret, to tell keys apart.'),
    scopes: z.array(scope),
    userId: z.string().nullable().describe('The person it speaks for; null: it belongs to the org.'),
    cidrs: z.array(z.string()).describe('Networks it may be used from; empty: any.'),
    rate: rate.nullable().describe('Its own limit; null: the one of the installation.'),
    expiresAt: timestamp.nullable(),
    revokedAt: timestamp.nullable(),
    rotatedAt: timestamp.nullable(),
    previousExpiresAt: timestamp.nullable().describe('Until when the secret before the last rotation works.'),
    lastUsedAt: timestamp.nullable().describe('To within a minute.'),
    uses: z
      .int()
      .nonnegative()
      .describe('Requests and socket messages of the last 400 days; a crash may cost a few seconds of them.'),
    createdBy: z.string().nullable().describe('The user or key that made it; null: an operator.'),
    createdAt: timestamp,
  })
  .meta({ id: 'ApiKey', description: 'An API key, never its secret.' });
export type ApiKey = z.infer<typeof apiKey>;

const secret = z
  .string()
  .regex(/^gai_[0-9A-Za-z]{49}$/)
  .describe('The secret, shown this once: `gai_`, 43 random characters and a checksum of 6.');

const shared = { owner: 'auth', auth: { scope: 'keys:manage' } } as const;

export const listKeys = defineRoute({
  ...shared,
  name: 'listKeys',
  method: 'get',
  path: '/v1/orgs/:org/keys',
  summary: 'The API keys, oldest first, revoked ones included.',
  params: orgParams,
  query: z.object({
    cursor: z.string().max(512).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(apiKey),
});

export const createKey = defineRoute({
  ...shared,
  name: 'createKey',
  method: 'post',
  path: '/v1/orgs/:org/keys',
  summary: 'Creates an API key with at most the scopes of who asks. The answer holds the secret once.',
  params: orgParams,
  body: z.object({
    name: text(200, 1),
    scopes: z
      .array(scope)
      .min(1)
      .transform((scopes) => [...new Set(scopes)]),
    userId: externalId
      .nullish()
      .describe(
        'The member it is to speak for: its scopes end where that role ends. For others than oneself: org:admin.',
      ),
    expiresAt: futureTime.nullish(),
    cidrs: z.array(cidr).max(MAX_CIDRS).default([]),
    rate: rate.nullish(),
  }),
  status: 201,
  response: apiKey.extend({ key: secret }),
});

export const getKey = defineRoute({
  ...shared,
  name: 'getKey',
  method: 'get',
  path: '/v1/orgs/:org/keys/:id',
  summary: 'One API key.',
  params: keyParams,
  response: apiKey,
});

export const updateKey = defineRoute({
  ...shared,
  name: 'updateKey',
  method: 'patch',
  path: '/v1/orgs/:org/keys/:id',
  summary: 'Changes a key; what is left out stays. It must hold no scope that who asks lacks.',
  params: keyParams,
  body: z.object({
    name: text(200, 1).optional(),
    expiresAt: futureTime.nullish(),
    cidrs: z.array(cidr).max(MAX_CIDRS).optional(),
    rate: rate.nullish(),
  }),
  response: apiKey,
});

export const rotateKey = defineRoute({
  ...shared,
  name: 'rotateKey',
  method: 'post',
  path: '/v1/orgs/:org/keys/:id/rotate',
  summary:
    'Gives a key a new secret, shown once. The one before works until the overlap is over; a still older one ends at once.',
  params: keyParams,
  body: z.object({
    overlapSeconds: z
      .int()
      .min(0)
      .max(30 * 24 * 60 * 60)
      .default(24 * 60 * 60)
      .describe('How long the present secret goes on working; 0: it ends at once.'),
  }),
  response: apiKey.extend({ key: secret }),
});

export const revokeKey = defineRoute({
  ...shared,
  name: 'revokeKey',
  method: 'delete',
  path: '/v1/orgs/:org/keys/:id',
  summary: 'Ends a key for ever: within a second on every replica, on open sockets too.',
  params: keyParams,
  status: 204,
  response: z.undefined(),
});
