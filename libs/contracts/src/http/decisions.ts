import { z } from 'zod';
import { ingestMessage } from '../client-messages.ts';
import { clientTimestamp, decisionOutcome, decisionView, direction, usage } from '../decision.ts';
import { decisionFields, decisionFilter } from '../decision-selection.ts';
import { errorCode } from '../errors.ts';
import { decisionId, orgId, seq, sha256Hex, timestamp } from '../identifiers.ts';
import { MAX_BATCH, MAX_PAGE } from '../limits.ts';
import { traceId } from '../server-messages.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const accepted = z
  .object({
    id: z.string().describe('The idempotencyKey.'),
    decisionId,
    dedup: z.boolean().describe('True only when the decision was there before; false may be a repeat all the same.'),
    traceId,
  })
  .meta({ id: 'Accepted', description: 'Kafka has confirmed the write (G1).' });
const refused = z
  .object({
    id: z.string().nullable().describe('The idempotencyKey, as far as there was one.'),
    error: z.object({
      code: errorCode,
      message: z.string().describe('What went wrong and what to do next, for people.'),
      path: z.string().optional().describe('The field at fault, dotted: `data.usage.cost`.'),
      retryAfterMs: z.int().optional().describe('How long to wait before the same item may succeed, in milliseconds.'),
    }),
  })
  .meta({ id: 'Refused', description: 'One item was not accepted; the others were.' });
export type IngestResult = z.infer<typeof accepted> | z.infer<typeof refused>;

export const postDecisions = defineRoute({
  name: 'postDecisions',
  method: 'post',
  path: '/v1/decisions',
  owner: 'ingest-gateway',
  summary: `Records one decision, or up to ${MAX_BATCH} answered one by one. Answered when Kafka has confirmed them (G1).`,
  auth: 'credential',
  body: z.union([z.object({ decisions: z.array(ingestMessage).min(1).max(MAX_BATCH) }), ingestMessage]),
  rawBody: true,
  status: 202,
  response: z.union([accepted, z.object({ results: z.array(z.union([accepted, refused])) })]),
});

const orgParams = z.object({ org: orgId });

/** A stored decision with its place in the chain. */
export const storedDecision = decisionView
  .extend({
    seq,
    idempotencyKey: z.string(),
    payloadHash: z.string().nullable().describe('Hash of the payload that was decided about.'),
    reasons: z.array(z.string()).describe('Why it was decided so.'),
    policyId: z.string().nullable().describe('The policy that decided, as the producer says.'),
    userId: z.string().nullable().describe('The user it counts for.'),
    keyId: z.string().nullable().describe('The API key that submitted it; null for a session.'),
    usage: usage.nullable(),
    hash: sha256Hex.describe('SHA-256 of the record in the chain.'),
    prevHash: sha256Hex.describe('Hash of the record with seq - 1; 64 zeros for the first.'),
    receivedAt: timestamp.describe('When the gateway received it.'),
    recordedAt: timestamp.describe('When the writer stored it.'),
  })
  .meta({ id: 'StoredDecision', description: 'A stored decision with its place in the chain.' });
export type StoredDecision = z.infer<typeof storedDecision>;

export const listDecisions = defineRoute({
  name: 'listDecisions',
  method: 'get',
  path: '/v1/orgs/:org/decisions',
  owner: 'decision-writer',
  summary: 'Stored decisions in the order of their seq.',
  auth: { scope: 'decisions:read' },
  params: orgParams,
  query: z.object({
    afterSeq: z.coerce.number().int().nonnegative().optional().describe('Only later ones. 0 by default.'),
    cursor: z.string().max(64).optional().describe('`next` of the page before; instead of afterSeq.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100).describe('Items of one page.'),
    direction: direction.optional(),
    decision: decisionOutcome.optional(),
    tool: text(1024, 1).optional(),
    tag: text(256, 1).optional().describe('One of its tags.'),
    correlationId: text(256, 1).optional(),
    from: clientTimestamp.optional().describe('Decided at or after.'),
    to: clientTimestamp.optional().describe('Decided before.'),
  }),
  response: page(storedDecision),
});

export const getDecision = defineRoute({
  name: 'getDecision',
  method: 'get',
  path: '/v1/orgs/:org/decisions/:id',
  owner: 'decision-writer',
  summary: 'One stored decision.',
  auth: { scope: 'decisions:read' },
  params: z.object({ org: orgId, id: text(64, 1) }),
  response: storedDecision,
});

export const streamDecisions = defineRoute({
  name: 'streamDecisions',
  method: 'get',
  path: '/v1/orgs/:org/decisions/stream',
  owner: 'push-gateway',
  summary:
    'Stored decisions as they come, as server-sent events: exactly those after `Last-Event-ID` (or `afterSeq`), in order, each once (G4); without either, from now on.',
  auth: { scope: 'decisions:read', ticket: true },
  params: orgParams,
  query: z.object({
    afterSeq: z.coerce
      .number()
      .int()
      .nonnegative()
      .optional()
      .describe(
        'The last seq seen; 0 for all. The header `Last-Event-ID`, which an EventSource sends, goes before it.',
      ),
    filter: decisionFilter.optional(),
    fields: z
      .string()
      .max(512)
      .transform((list) => list.split(','))
      .pipe(decisionFields)
      .optional()
      .describe('Members of `data` to send, separated by commas; absent: all.'),
  }),
  mediaType: 'text/event-stream',
  response: z.string().meta({
    description:
      '`id` is the seq, `event` is `decision` and `data` a DecisionView; or `event` is `error` and `data` a Problem, and the stream ends. An `id` without data says how far the stream has come.',
  }),
});
