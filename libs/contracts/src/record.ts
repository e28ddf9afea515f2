import { z } from 'zod';
import { decisionOutcome, direction } from './decision.ts';
import { decisionId, orgId, seq, sha256Hex, timestamp } from './identifiers.ts';
import { policyOutcome } from './policy.ts';
import { jsonObject } from './text.ts';

/** `prevHash` of an org's first record. */
export const GENESIS_HASH = '0'.repeat(64);

/**
 * What a decision says of persons. It never enters the chain, only its salted hash does (G12), so that erasing it later
 * leaves the chain whole.
 */
export const person = z
  .object({
    userId: z.string().optional().describe('`data.userId`: whom the decision is about.'),
    authUserId: z.string().optional().describe('`data.authentication.userId`: who called the producer.'),
    keyUserId: z.string().optional().describe('The user that the submitting credential belongs to.'),
  })
  .meta({
    id: 'Person',
    description: 'What a decision says of persons; erasable, hashed with a salt into the record.',
  });
export type Person = z.infer<typeof person>;

/** The user a decision counts for: the one it names, else the one who called, else the credential's own. */
export function effectiveUserId(of: Person | null): string | null {
  return of?.userId ?? of?.authUserId ?? of?.keyUserId ?? null;
}

/**
 * One link of an org's chain. Its RFC 8785 form is what is hashed and stored; absent means the client did not say it.
 * No value of a person is in it, only `personHash` over value and salt, which stand beside the record and may be erased.
 */
export const chainRecord = z
  .object({
    v: z.literal(1).describe('Version of this form.'),
    orgId,
    seq,
    id: decisionId,
    idempotencyKey: z.string(),
    direction,
    decision: decisionOutcome,
    tool: z.string().optional(),
    scope: z.string().optional(),
    payloadHash: z.string().optional(),
    latencyMs: z.number().optional(),
    correlationId: z.string().optional(),
    tags: z.array(z.string()).optional(),
    reasons: z.array(z.string()).optional(),
    detectorSummary: jsonObject.optional(),
    policyId: z.string().optional(),
    usage: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    policy: policyOutcome.optional(),
    bodyHash: sha256Hex
      .optional()
      .describe(
        'SHA-256 that tells a repeat from another body; where the record speaks of a person, SHA-256 over salt (hex) and that. Absent in the first records of old installations.',
      ),
    personHash: sha256Hex.optional().describe('SHA-256 over salt (hex) and the RFC 8785 form of the person object.'),
    keyId: z.string().optional().describe('The API key that submitted it.'),
    apiKeyId: z.string().optional().describe("`data.authentication.apiKeyId`: the key of the producer's own caller."),
    ts: timestamp.describe('When the decision was taken, as the producer says; else receivedAt.'),
    receivedAt: timestamp.describe('When the gateway received it.'),
    recordedAt: timestamp.describe('When the writer stored it.'),
    prevHash: sha256Hex.describe('Hash of the record with seq - 1; 64 zeros for the first.'),
  })
  .meta({
    id: 'ChainRecord',
    description: 'One link of the hash chain of an org; its RFC 8785 form is what is hashed.',
  });
export type ChainRecord = z.infer<typeof chainRecord>;
