import { z } from 'zod';
import { text } from './text.ts';

/** An org's id is its slug: chosen once, never changed. */
export const orgId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9 and "-", not starting with "-"')
  .meta({ id: 'OrgId', description: 'The org, named by its slug.', examples: ['acme'] });

/** Ids that the platform or an identity provider chose: users, API keys, policies. Opaque to us. */
export const externalId = text(256, 1);

/** `dec_` and 32 hex digits: 128 bits of SHA-256 over org and idempotency key (see `decisionId` in this package). */
export const decisionId = z
  .string()
  .regex(/^dec_[0-9a-f]{32}$/)
  .meta({ id: 'DecisionId', description: 'The same for every retry of one (org, idempotency key).' });

/** A SHA-256 as 64 lower-case hex digits. */
export const sha256Hex = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ id: 'Sha256', description: 'A SHA-256 as 64 lower-case hex digits.' });

/** Position in a stream (the decisions of an org, the notifications of a user): 1, 2, 3 … without a gap. */
export const seq = z.int().positive().meta({
  id: 'Seq',
  description:
    'Position in its stream (the decisions of an org, the notifications of a user): 1, 2, 3 … without a gap.',
});

/** RFC 3339 in UTC with milliseconds, the only form this system writes. */
export const timestamp = z.iso
  .datetime({ offset: false })
  .meta({ id: 'Timestamp', description: 'RFC 3339 in UTC with milliseconds.', examples: ['2026-01-01T00:00:00.000Z'] });
