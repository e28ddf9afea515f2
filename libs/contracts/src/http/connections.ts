import { z } from 'zod';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { principal } from '../principal.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const connectionId = text(64, 1);

/** One open connection to push-gateway, as it is when asked. */
export const connection = z
  .object({
    id: z.string(),
    transport: z.enum(['websocket', 'sse']),
    path: z.string().describe('What was connected to, without the query.'),
    replica: z.string().describe('The replica of push-gateway that holds it.'),
    connectedAt: timestamp,
    ip: z.string().nullable().describe('Where the client is; null when that is not known.'),
    principal: z.object({
      kind: principal.shape.kind,
      userId: externalId.nullable().describe('Null for a key that belongs to no user.'),
      keyId: externalId.nullable().describe('Null for a session.'),
    }),
    channels: z.array(
      z.object({
        channel: z.string(),
        seq: z.int().nonnegative().nullable().describe('The last seq sent; null for a channel without seq.'),
        lag: z.int().nonnegative().nullable().describe('How many more this replica knows of; null likewise.'),
      }),
    ),
    bytesSent: z.int().nonnegative().describe('Taken by the network so far.'),
    bytesBuffered: z.int().nonnegative().describe('Sent and not yet taken: what a slow reader owes.'),
  })
  .meta({ id: 'Connection', description: 'One open connection to push-gateway.' });
export type ConnectionView = z.infer<typeof connection>;

const orgParams = z.object({ org: orgId });
const shared = { owner: 'push-gateway', auth: { scope: 'org:admin' } } as const;

export const listConnections = defineRoute({
  ...shared,
  name: 'listConnections',
  method: 'get',
  path: '/v1/orgs/:org/connections',
  summary: 'The open connections of the org on all replicas of push-gateway, the oldest first.',
  params: orgParams,
  query: z.object({
    cursor: z.string().max(256).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(connection).extend({
    missing: z.array(z.string()).describe('Replicas that did not answer in time: what they hold is not listed.'),
  }),
});

export const closeConnection = defineRoute({
  ...shared,
  name: 'closeConnection',
  method: 'delete',
  path: '/v1/orgs/:org/connections/:id',
  summary:
    'Closes a connection: a socket with 1012 and a time to come back after, a stream likewise. To keep the client out, revoke its credential.',
  params: z.object({ org: orgId, id: connectionId }),
  status: 204,
  response: z.undefined(),
});

/** Where a list of connections goes on: after this time (milliseconds since the epoch) and id. */
const place = z.tuple([z.int(), z.string()]);

export const readConnections = defineRoute({
  name: 'readConnections',
  method: 'post',
  path: '/internal/connections',
  owner: 'push-gateway',
  summary: 'The connections of an org on this replica alone: what another replica asks that was asked for all.',
  auth: 'internal',
  body: z.object({
    orgId,
    id: connectionId.optional().describe('This one only.'),
    after: place.nullable(),
    limit: z
      .int()
      .min(1)
      .max(MAX_PAGE + 1),
  }),
  response: z.object({ items: z.array(connection) }),
});

export const endConnection = defineRoute({
  name: 'endConnection',
  method: 'post',
  path: '/internal/connections/end',
  owner: 'push-gateway',
  summary: 'Closes a connection of an org that this replica holds. One that has closed already is no error.',
  auth: 'internal',
  body: z.object({ orgId, id: connectionId }),
  status: 204,
  response: z.undefined(),
});
