import { z } from 'zod';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { role } from '../scopes.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const orgParams = z.object({ org: orgId });
const listQuery = z.object({
  cursor: z.string().max(512).optional().describe('`next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
});
const displayName = text(200, 1);

/** An e-mail address, in lower case: it names a person, whatever case it is typed in. */
export const email = z
  .email()
  .max(320)
  .transform((value) => value.toLowerCase())
  .pipe(z.string());

const owner = { owner: 'auth' } as const;
const admin = { owner: 'auth', auth: { scope: 'org:admin' } } as const;

export const org = z
  .object({
    id: orgId,
    name: z.string(),
    keepRawText: z.boolean().describe('Whether raw text of decisions is kept (outside of the chain, erasable).'),
    createdAt: timestamp,
  })
  .meta({ id: 'Org' });
export type Org = z.infer<typeof org>;

export const listOrgs = defineRoute({
  ...owner,
  name: 'listOrgs',
  method: 'get',
  path: '/v1/orgs',
  summary: 'The orgs of the person who asks; for a key of no person, its own.',
  auth: 'credential',
  response: z.object({
    items: z.array(z.object({ id: orgId, name: z.string(), role: role.nullable() })),
  }),
});

export const createOrg = defineRoute({
  ...owner,
  name: 'createOrg',
  method: 'post',
  path: '/v1/orgs',
  summary: 'Creates an org whose owner is the person who asks, who must be an admin of the present one.',
  auth: 'credential',
  body: z.object({ id: orgId, name: displayName }),
  status: 201,
  response: org,
});

export const getOrg = defineRoute({
  ...admin,
  name: 'getOrg',
  method: 'get',
  path: '/v1/orgs/:org',
  summary: 'The org and its settings.',
  params: orgParams,
  response: org,
});

export const updateOrg = defineRoute({
  ...admin,
  name: 'updateOrg',
  method: 'patch',
  path: '/v1/orgs/:org',
  summary: 'Changes the display name or the settings; what is left out stays.',
  params: orgParams,
  body: z.object({ name: displayName.optional(), keepRawText: z.boolean().optional() }),
  response: org,
});

export const suspendOrg = defineRoute({
  ...admin,
  name: 'suspendOrg',
  method: 'post',
  path: '/v1/orgs/:org/suspend',
  summary:
    'Stops every credential of the org within a second, the one that asks included. For owners; an operator resumes it.',
  params: orgParams,
  status: 204,
  response: z.undefined(),
});

export const member = z
  .object({ userId: externalId, email: z.string(), name: z.string(), role, createdAt: timestamp })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof member>;

const memberParams = z.object({ org: orgId, userId: externalId });

export const listMembers = defineRoute({
  ...admin,
  name: 'listMembers',
  method: 'get',
  path: '/v1/orgs/:org/members',
  summary: 'The members, by user id.',
  params: orgParams,
  query: listQuery,
  response: page(member),
});

export const updateMember = defineRoute({
  ...admin,
  name: 'updateMember',
  method: 'patch',
  path: '/v1/orgs/:org/members/:userId',
  summary: 'Changes the role of a member. Only owners make and unmake owners; the last one stays.',
  params: memberParams,
  body: z.object({ role }),
  response: member,
});

export const removeMember = defineRoute({
  ...admin,
  name: 'removeMember',
  method: 'delete',
  path: '/v1/orgs/:org/members/:userId',
  summary: 'Ends a membership: the sessions and the personal keys of the member stop working here within a second.',
  params: memberParams,
  status: 204,
  response: z.undefined(),
});

export const invitation = z
  .object({
    id: z.string(),
    email: z.string(),
    role,
    invitedBy: z.string().nullable().describe('The user or key that made it; null: an operator.'),
    createdAt: timestamp,
    expiresAt: timestamp,
    acceptedAt: timestamp.nullable(),
    revokedAt: timestamp.nullable(),
  })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof invitation>;

export const listInvitations = defineRoute({
  ...admin,
  name: 'listInvitations',
  method: 'get',
  path: '/v1/orgs/:org/invitations',
  summary: 'The invitations, oldest first.',
  params: orgParams,
  query: listQuery,
  response: page(invitation),
});

export const createInvitation = defineRoute({
  ...admin,
  name: 'createInvitation',
  method: 'post',
  path: '/v1/orgs/:org/invitations',
  summary: 'Offers a person a role. The answer holds the token once: hand it to that person, who accepts with it.',
  params: orgParams,
  body: z.object({
    email,
    role,
    expiresInHours: z.int().min(1).max(720).default(72).describe('How long it may be accepted.'),
  }),
  status: 201,
  response: invitation.extend({ token: z.string().describe('`gav_…`, shown this once.') }),
});

export const revokeInvitation = defineRoute({
  ...admin,
  name: 'revokeInvitation',
  method: 'delete',
  path: '/v1/orgs/:org/invitations/:id',
  summary: 'Takes an invitation back that nobody has accepted.',
  params: z.object({ org: orgId, id: text(64, 1) }),
  status: 204,
  response: z.undefined(),
});
