import { z } from 'zod';
import { externalId, orgId, timestamp } from './identifiers.ts';
import { rate } from './rate.ts';
import { scope } from './scopes.ts';

/** How a credential may be used, beyond its scopes. */
const terms = z.object({
  cidrs: z.array(z.string()).optional().describe('Networks it may be used from; absent: any.'),
  rate: rate.optional().describe('The limit of the key; absent: the one of the installation.'),
  orgRate: rate.optional().describe('The limit of its org; absent: the one of the installation.'),
});

/** Who a verified credential speaks for. One credential belongs to exactly one org. */
export const principal = z
  .object({
    kind: z.enum(['apiKey', 'session']).describe('What kind of credential it is.'),
    orgId,
    userId: externalId.nullable().describe('Null for a key that belongs to no user.'),
    keyId: externalId.nullable().describe("The API key's id (never the key); null for a session."),
    scopes: z.array(scope),
    expiresAt: timestamp.nullable().describe('When the credential ends by itself; null for never.'),
    sessionId: externalId
      .optional()
      .describe('The session of this system it belongs to; absent for keys and tokens of others.'),
    keepRawText: z.boolean().optional().describe('True when the org keeps the raw text of decisions.'),
    terms: terms.optional().describe('How it may be used; absent: without a limit of its own.'),
  })
  .meta({ id: 'Principal', description: 'Who a verified credential speaks for.' });
export type Principal = z.infer<typeof principal>;
