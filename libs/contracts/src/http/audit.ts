import { z } from 'zod';
import { clientTimestamp } from '../decision.ts';
import { orgId, seq, sha256Hex, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { text } from '../text.ts';
import { auditRecorded } from '../topics.ts';
import { defineRoute, page } from './route.ts';

const orgParams = z.object({ org: orgId });
const shared = { owner: 'auth', auth: { scope: 'org:admin' } } as const;

/** One link of an org's audit chain: its RFC 8785 form is what is hashed and stored. */
export const auditLink = auditRecorded
  .extend({
    v: z.literal(1).describe('Version of this form.'),
    seq,
    recordedAt: timestamp.describe('When it was stored.'),
    prevHash: sha256Hex.describe('Hash of the record with seq - 1; 64 zeros for the first.'),
  })
  .meta({
    id: 'AuditLink',
    description: 'One link of the audit chain of an org; its RFC 8785 form is what is hashed.',
  });
export type AuditLink = z.infer<typeof auditLink>;

const auditItem = auditLink
  .extend({ hash: sha256Hex.describe('SHA-256 of the record in RFC 8785 form.') })
  .meta({ id: 'AuditItem' });
export type AuditItem = z.infer<typeof auditItem>;

const filters = {
  action: text(128, 1).optional().describe('`key.create`; `key.*` for all that begin so.'),
  actor: text(256, 1).optional().describe('The id of a user or key, or the name of a service.'),
  target: text(256, 1).optional(),
  result: auditRecorded.shape.result.optional(),
  from: clientTimestamp.optional().describe('Done at or after.'),
  to: clientTimestamp.optional().describe('Done before.'),
};

export const listAudit = defineRoute({
  ...shared,
  name: 'listAudit',
  method: 'get',
  path: '/v1/orgs/:org/audit',
  summary: 'The audit log, newest first.',
  params: orgParams,
  query: z.object({
    ...filters,
    cursor: z.string().max(64).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(auditItem),
});

export const exportAudit = defineRoute({
  ...shared,
  name: 'exportAudit',
  method: 'get',
  path: '/v1/orgs/:org/audit/export',
  summary:
    'The audit log, oldest first, one JSON a line: `{"record":"<the text that was hashed>","hash":"…"}`. Who has all lines checks the chain without us.',
  params: orgParams,
  query: z.object({
    ...filters,
    afterSeq: z.coerce.number().int().nonnegative().default(0).describe('Only later ones; 0 for all that are kept.'),
  }),
  mediaType: 'application/x-ndjson',
  response: z.string().meta({ description: 'Lines of `record` and `hash`.' }),
});

export const verifyAudit = defineRoute({
  ...shared,
  name: 'verifyAudit',
  method: 'get',
  path: '/v1/orgs/:org/audit/verify',
  summary: 'Reads the whole audit chain as it is stored and checks every hash, link and column.',
  params: orgParams,
  response: z
    .object({
      valid: z.boolean(),
      checked: z.int().nonnegative().describe('Records found to be whole.'),
      firstSeq: z.int().positive().describe('The first record that is kept.'),
      head: sha256Hex.describe('Hash of the last record; 64 zeros when there is none.'),
      firstBroken: z.object({ seq, message: z.string() }).optional(),
    })
    .meta({ id: 'AuditVerification' }),
});
