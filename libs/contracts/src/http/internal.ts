import { z } from 'zod';
import { ingestSchema } from '../decision.ts';
import { decisionId, externalId, orgId, sha256Hex, timestamp } from '../identifiers.ts';
import { principal } from '../principal.ts';
import { errorMessage, traceId } from '../server-messages.ts';
import { auditRecorded } from '../topics.ts';
import { defineRoute } from './route.ts';

/** Header that carries INTERNAL_TOKEN between services. These routes are never on the edge. */
export const INTERNAL_TOKEN_HEADER = 'x-internal-token';

const verified = z.object({
  version: z.int().nonnegative().describe('Access version of the state this answer was read from.'),
  principal: principal.nullable().describe('Null: the credential is not valid; `reason` says why.'),
  reason: z.enum(['AUTH_FAILED', 'AUTH_EXPIRED']).nullable(),
  of: z
    .object({ orgId, userId: externalId.nullable(), keyId: externalId.nullable() })
    .optional()
    .describe('Whose a refused credential is, where that is known: for the audit log.'),
});
export type Verified = z.infer<typeof verified>;

export const verifyCredential = defineRoute({
  name: 'verifyCredential',
  method: 'post',
  path: '/internal/verify',
  owner: 'auth',
  summary:
    'Says who a credential speaks for. An API key comes as its SHA-256, so that the key itself stays at the gateway.',
  auth: 'internal',
  body: z.union([
    z.object({ keyHash: sha256Hex }),
    z.object({ token: z.string().max(16_384) }),
    z.object({
      ticketHash: sha256Hex,
      orgId: orgId.describe('The org that the ticket names.'),
      redeemer: z.string().max(64).describe('Names the one connection that it is for: the first one that asks has it.'),
    }),
  ]),
  response: verified,
});

export const getAccessVersion = defineRoute({
  name: 'getAccessVersion',
  method: 'get',
  path: '/internal/access-version',
  owner: 'auth',
  summary: 'The access version right now: what a service asks that hears no heartbeat over Kafka.',
  auth: 'internal',
  response: z.object({ version: z.int().nonnegative() }),
});

export const reportAccess = defineRoute({
  name: 'reportAccess',
  method: 'post',
  path: '/internal/access-report',
  owner: 'auth',
  summary: 'What a service has seen of credentials since its last report: how often keys were used, and what to audit.',
  auth: 'internal',
  body: z.object({
    usage: z
      .array(z.object({ orgId, keyId: externalId, uses: z.int().positive(), lastUsedAt: timestamp }))
      .max(1000)
      .default([]),
    authentications: z.array(auditRecorded).max(1000).default([]),
  }),
  status: 204,
  response: z.undefined(),
});

export const relayIngest = defineRoute({
  name: 'relayIngest',
  method: 'post',
  path: '/internal/ingest',
  owner: 'ingest-gateway',
  summary: 'INGEST messages that push-gateway received, each with the principal it verified.',
  auth: 'internal',
  body: z.object({
    items: z
      .array(
        z.object({
          principal,
          message: z.unknown(),
          traceparent: z
            .string()
            .optional()
            .describe('W3C trace context of the message: one request carries many traces.'),
        }),
      )
      .min(1)
      .max(1000),
  }),
  rawBody: true,
  response: z.object({
    results: z.array(
      z.union([
        z.object({ id: z.string(), decisionId, dedup: z.boolean(), schema: ingestSchema, traceId }),
        z.object({
          error: errorMessage.pick({
            code: true,
            message: true,
            id: true,
            path: true,
            channel: true,
            retryAfterMs: true,
          }),
        }),
      ]),
    ),
  }),
});
