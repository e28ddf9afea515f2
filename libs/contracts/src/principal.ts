import { z } from 'zod';
import { externalId, orgId, timestamp } from './identifiers.ts';
import { scope } from './scopes.ts';

/** Who a verified credential speaks for. One credential belongs to exactly one org. */
export const principal = z
  .object({
    kind: z.enum(['apiKey', 'session']).describe('What kind of credential it is.'),
    orgId,
    userId: externalId.nullable().describe('Null for a key that belongs to no user.'),
    keyId: externalId.nullable().describe("The API key's id (never the key); null for a session."),
    scopes: z.array(scope),
    expiresAt: timestamp.nullable().describe('When the credential ends by itself; null for never.'),
  })
  .meta({ id: 'Principal', description: 'Who a verified credential speaks for.' });
export type Principal = z.infer<typeof principal>;
