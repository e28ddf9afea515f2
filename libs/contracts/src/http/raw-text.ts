import { z } from 'zod';
import { rawTexts } from '../decision.ts';
import { orgId, timestamp } from '../identifiers.ts';
import { text } from '../text.ts';
import { defineRoute } from './route.ts';

const decisionParams = z.object({ org: orgId, id: text(64, 1) });
const shared = { owner: 'decision-writer', auth: { scope: 'org:admin' } } as const;

export const getRawText = defineRoute({
  ...shared,
  name: 'getRawText',
  method: 'get',
  path: '/v1/orgs/:org/decisions/:id/raw-text',
  summary:
    'The raw text of a decision, where the org kept it when it was made and nobody has erased it. Each reading is audited.',
  params: decisionParams,
  response: rawTexts.extend({ decisionId: z.string(), recordedAt: timestamp }),
});

export const eraseRawText = defineRoute({
  ...shared,
  name: 'eraseRawText',
  method: 'delete',
  path: '/v1/orgs/:org/decisions/:id/raw-text',
  summary: 'Erases the raw text of a decision. The chain does not know of it, so it stays whole.',
  params: decisionParams,
  status: 204,
  response: z.undefined(),
});
