import { z } from 'zod';
import { externalId, orgId, timestamp } from './identifiers.ts';
import { scope } from './scopes.ts';

/** Who a verified credential speaks for. One credential belongs to exactly one org. */
export const principal = z
  .object({
    kind: z.enum(['apiKey', 'session']),
    orgId,
    /** Null for a key that belongs to no user. */
    userId: externalId.nullable(),
    /** The API key's id (never the key); null for a session. */
    keyId: externalId.nullable(),
    scopes: z.array(scope),
    /** When the credential ends by itself; null for never. */
    expiresAt: timestamp.nullable(),
  })
  .meta({ id: 'Principal' });
export type Principal = z.infer<typeof principal>;
