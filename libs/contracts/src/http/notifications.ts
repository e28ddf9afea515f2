import { z } from 'zod';
import { orgId, seq, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { notification } from '../server-messages.ts';
import { defineRoute, page } from './route.ts';

/** A notification as it is kept for its user. */
const storedNotification = notification
  .extend({ seq, readAt: timestamp.nullable().describe('Null while it is unread.') })
  .meta({ id: 'StoredNotification', description: 'A notification as it is kept for its user.' });
export type StoredNotification = z.infer<typeof storedNotification>;

const unread = z.int().nonnegative().describe('How many of all that are kept are unread.');

const orgParams = z.object({ org: orgId });
const shared = { owner: 'push-gateway', auth: { scope: 'notifications:read' }, params: orgParams } as const;

export const listNotifications = defineRoute({
  ...shared,
  name: 'listNotifications',
  method: 'get',
  path: '/v1/orgs/:org/notifications',
  summary: 'What the user of the credential was told in the org, the latest first.',
  query: z.object({
    unread: z.enum(['true', 'false']).optional().describe('`true`: only what is unread; `false`: only what was read.'),
    cursor: z.string().max(256).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(storedNotification).extend({ unread }),
});

export const readNotifications = defineRoute({
  ...shared,
  name: 'readNotifications',
  method: 'post',
  path: '/v1/orgs/:org/notifications/read',
  summary: 'Marks notifications of the user read: some, or all up to one. What was read keeps its time.',
  body: z
    .object({
      seqs: z.array(seq).min(1).max(MAX_PAGE).optional().describe('These.'),
      upToSeq: seq.optional().describe('All up to here: what came since the user looked stays unread.'),
    })
    .refine((body) => (body.seqs === undefined) !== (body.upToSeq === undefined), 'needs either seqs or upToSeq'),
  response: z.object({ marked: z.int().nonnegative().describe('How many became read by this.'), unread }),
});
