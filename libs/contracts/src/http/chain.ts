import { z } from 'zod';
import { signedCheckpoint } from '../export.ts';
import { externalId, orgId, seq, sha256Hex } from '../identifiers.ts';
import { defineRoute } from './route.ts';

const orgParams = z.object({ org: orgId });
const shared = { owner: 'decision-writer', auth: { scope: 'decisions:read' } } as const;

export const getChain = defineRoute({
  ...shared,
  name: 'getChain',
  method: 'get',
  path: '/v1/orgs/:org/chain',
  summary: 'Where the org’s chain stands, and the last signed statement of it.',
  params: orgParams,
  response: z
    .object({
      length: z.int().nonnegative().describe('Decisions that are kept.'),
      head: sha256Hex.describe('Hash of the last one; 64 zeros when there is none.'),
      firstSeq: seq
        .nullable()
        .describe('The first one kept; above 1 where retention has pruned. Null when there is none.'),
      lastSeq: seq.nullable(),
      checkpoint: signedCheckpoint.nullable(),
    })
    .meta({ id: 'Chain' }),
});

/** What a verification found. */
export const chainVerification = z
  .object({
    valid: z.boolean(),
    checked: z.int().nonnegative().describe('Decisions found to be whole.'),
    firstBroken: z
      .object({
        seq,
        kind: z.enum(['altered', 'missing', 'inserted', 'checkpoint']),
        message: z.string(),
      })
      .optional()
      .describe('The first one that is not, and why.'),
  })
  .meta({ id: 'ChainVerification' });
export type ChainVerification = z.infer<typeof chainVerification>;

export const verifyOrgChain = defineRoute({
  ...shared,
  name: 'verifyOrgChain',
  method: 'get',
  path: '/v1/orgs/:org/chain/verify',
  summary:
    'Reads the whole chain as it is stored and checks every hash, link, column, person and checkpoint. With `Accept: application/x-ndjson` progress lines `{"checked":N,"seq":N}` come before the result.',
  params: orgParams,
  response: chainVerification,
});

export const exportDecisions = defineRoute({
  ...shared,
  name: 'exportDecisions',
  method: 'get',
  path: '/v1/orgs/:org/decisions/export',
  summary:
    'The decisions with their chain, checkpoints among them, as NDJSON; compressed with `Accept-Encoding: gzip`. Broken off, it is kept up to the last trailer that arrived and resumed after its lastSeq; the answer is appended.',
  params: orgParams,
  query: z.object({
    afterSeq: z.coerce.number().int().nonnegative().default(0).describe('Only later ones; 0 for all that are kept.'),
  }),
  mediaType: 'application/x-ndjson',
  response: z.string().meta({ description: 'Lines of the export format; see ExportLine.' }),
});

export const erasePerson = defineRoute({
  owner: 'decision-writer',
  auth: { scope: 'org:admin' },
  name: 'erasePerson',
  method: 'post',
  path: '/v1/orgs/:org/decisions/erase-person',
  summary:
    'Erases what is kept of a person from every decision that names them, with its salts. The chain stays whole.',
  params: orgParams,
  body: z.object({ userId: externalId }),
  response: z.object({ erased: z.int().nonnegative().describe('Decisions that named the person.') }),
});

const retention = z
  .object({ days: z.int().min(1).max(36_500).nullable().describe('Days that decisions are kept; null: for ever.') })
  .meta({ id: 'Retention' });

const retentionRoute = {
  owner: 'decision-writer',
  auth: { scope: 'org:admin' },
  path: '/v1/orgs/:org/chain/retention',
  params: orgParams,
  response: retention,
} as const;

export const getRetention = defineRoute({
  ...retentionRoute,
  name: 'getRetention',
  method: 'get',
  summary: 'How long the org keeps its decisions.',
});

export const putRetention = defineRoute({
  ...retentionRoute,
  name: 'putRetention',
  method: 'put',
  summary:
    'Sets how long the org keeps its decisions. Pruning stops at the last checkpoint; ids stay, so that repeats stay duplicates.',
  body: retention,
});
