import { z } from 'zod';
import { decisionData } from '../decision.ts';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { policyOutcome, policyRules } from '../policy.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const orgParams = z.object({ org: orgId });
const policyParams = z.object({ org: orgId, id: text(64, 1) });

const policyInput = z.object({
  name: text(128, 1),
  userId: externalId.nullish().describe('The user it applies to; absent or null for everybody of the org.'),
  enabled: z.boolean().default(true),
  rules: policyRules,
});

export const policy = z
  .object({
    id: z.string(),
    name: z.string(),
    userId: z.string().nullable(),
    enabled: z.boolean(),
    version: z.int().describe('Grows with each change of this policy.'),
    rules: policyRules,
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Policy' });
export type Policy = z.infer<typeof policy>;

const shared = { owner: 'decision-writer', auth: { scope: 'org:admin' } } as const;

export const listPolicies = defineRoute({
  ...shared,
  name: 'listPolicies',
  method: 'get',
  path: '/v1/orgs/:org/policies',
  summary: 'The org’s policies, oldest first.',
  params: orgParams,
  query: z.object({
    cursor: z.string().max(256).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(policy),
});

export const createPolicy = defineRoute({
  ...shared,
  name: 'createPolicy',
  method: 'post',
  path: '/v1/orgs/:org/policies',
  summary: 'Adds a policy. Writers apply it from their next batch. A bad expression is refused with its position.',
  params: orgParams,
  body: policyInput,
  status: 201,
  response: policy,
});

export const getPolicy = defineRoute({
  ...shared,
  name: 'getPolicy',
  method: 'get',
  path: '/v1/orgs/:org/policies/:id',
  summary: 'One policy.',
  params: policyParams,
  response: policy,
});

export const replacePolicy = defineRoute({
  ...shared,
  name: 'replacePolicy',
  method: 'put',
  path: '/v1/orgs/:org/policies/:id',
  summary: 'Replaces a policy by a new version.',
  params: policyParams,
  body: policyInput,
  response: policy,
});

export const deletePolicy = defineRoute({
  ...shared,
  name: 'deletePolicy',
  method: 'delete',
  path: '/v1/orgs/:org/policies/:id',
  summary: 'Removes a policy. What it said of recorded decisions stays in their records.',
  params: policyParams,
  status: 204,
  response: z.undefined(),
});

export const dryRunPolicies = defineRoute({
  ...shared,
  name: 'dryRunPolicies',
  method: 'post',
  path: '/v1/orgs/:org/policies/dry-run',
  summary: 'What the org’s policies, or the rules given, would say of a decision. Nothing is stored.',
  params: orgParams,
  body: z.object({
    data: decisionData,
    rules: policyRules.optional().describe('Rules to try instead of the org’s own policies.'),
  }),
  response: z.object({
    outcome: policyOutcome.nullable().describe('Null when no policy says anything.'),
    errors: z.array(z.string()).describe('Conditions that failed for this decision, and why.'),
  }),
});
