import { z } from 'zod';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { role } from '../scopes.ts';
import { text } from '../text.ts';
import { email } from './orgs.ts';
import { defineRoute } from './route.ts';

const owner = { owner: 'auth' } as const;

/** Long enough not to be guessed, short enough not to be work for whoever hashes it. */
const newPassword = text(256, 12).describe('At least 12 characters.');

const session = z
  .object({
    tokenType: z.literal('Bearer'),
    accessToken: z.string().describe('A JWT for `Authorization: Bearer` and AUTH.'),
    expiresAt: timestamp.describe('When the access token ends: refresh before.'),
    refreshToken: z.string().describe('`gar_…`, good for one refresh. A second use of it ends the session.'),
    refreshExpiresAt: timestamp.describe('When the session ends at the latest.'),
    orgId,
    userId: externalId,
    role,
  })
  .meta({ id: 'SessionTokens' });
export type SessionTokens = z.infer<typeof session>;

export const login = defineRoute({
  ...owner,
  name: 'login',
  method: 'post',
  path: '/v1/auth/login',
  summary: 'Begins a session by password.',
  auth: 'none',
  body: z.object({
    email,
    password: z.string().min(1).max(1024),
    org: orgId.optional().describe('May be left out by who is in one org only.'),
  }),
  response: session,
});

export const refreshSession = defineRoute({
  ...owner,
  name: 'refreshSession',
  method: 'post',
  path: '/v1/auth/refresh',
  summary: 'Trades a refresh token for new tokens. A token that was traded before ends its whole session.',
  auth: 'none',
  body: z.object({ refreshToken: z.string().max(512) }),
  response: session,
});

export const logout = defineRoute({
  ...owner,
  name: 'logout',
  method: 'post',
  path: '/v1/auth/logout',
  summary: 'Ends the session of the credential: its tokens stop working within a second.',
  auth: 'credential',
  status: 204,
  response: z.undefined(),
});

export const createTicket = defineRoute({
  ...owner,
  name: 'createTicket',
  method: 'post',
  path: '/v1/auth/tickets',
  summary:
    'A ticket for one connection within 30 s (`?ticket=`), for browsers, whose WebSockets carry no headers. It speaks for the credential that asked.',
  auth: 'credential',
  status: 201,
  response: z.object({ ticket: z.string().describe('`gat_…`, good once.'), expiresAt: timestamp }),
});

export const acceptInvitation = defineRoute({
  ...owner,
  name: 'acceptInvitation',
  method: 'post',
  path: '/v1/auth/invitations',
  summary:
    'Accepts an invitation: with a password (a new person sets it, a known one proves it), or with a token of the identity provider.',
  auth: 'none',
  body: z
    .object({
      token: z.string().max(512).describe('`gav_…`, as handed over.'),
      name: text(200, 1).optional().describe('How a new person is called.'),
      password: newPassword.optional(),
      idToken: z
        .string()
        .max(16_384)
        .optional()
        .describe('A JWT of the identity provider; its subject becomes the member.'),
    })
    .refine(
      (body) => (body.password === undefined) !== (body.idToken === undefined),
      'needs either password or idToken',
    ),
  response: z.object({ orgId, userId: externalId, role }),
});

export const changePassword = defineRoute({
  ...owner,
  name: 'changePassword',
  method: 'post',
  path: '/v1/auth/password',
  summary: 'Changes the password of the session’s person, and ends all sessions of that person, this one included.',
  auth: 'credential',
  body: z.object({ current: z.string().min(1).max(1024), password: newPassword }),
  status: 204,
  response: z.undefined(),
});
