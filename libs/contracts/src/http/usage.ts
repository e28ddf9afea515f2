import { z } from 'zod';
import { clientTimestamp } from '../decision.ts';
import { orgId, timestamp } from '../identifiers.ts';
import { defineRoute, page } from './route.ts';

/** What usage can be grouped by. */
export const usageDimension = z.enum(['tool', 'user', 'key', 'model', 'tag', 'decision']);
export type UsageDimension = z.infer<typeof usageDimension>;

const MAX_ROWS = 10_000;

const groupBy = z
  .string()
  .max(64)
  .default('')
  .transform((list) => list.split(',').filter((name) => name !== ''))
  .pipe(z.array(usageDimension).max(5))
  .refine((names) => new Set(names).size === names.length, 'names a dimension twice')
  .refine((names) => !names.includes('tag') || names.length === 1, 'tag stands alone: a decision may have several')
  .describe('Dimensions separated by commas: tool, user, key, model, decision, or tag alone; absent: none.');

const filters = {
  groupBy,
  interval: z.enum(['hour', 'day']).default('day').describe('Hours and days of UTC.'),
  from: clientTimestamp.optional().describe('Hours that begin then or later; absent: 30 days before `to`.'),
  to: clientTimestamp.optional().describe('And before; absent: now.'),
};

/** Usage of one interval, group and currency. */
export const usageRow = z
  .object({
    bucket: timestamp.describe('Start of the hour or day.'),
    tool: z
      .string()
      .optional()
      .describe('This and the next five: as asked by `groupBy`; `""` when the decision names none.'),
    user: z.string().optional(),
    key: z.string().optional(),
    model: z.string().optional(),
    tag: z.string().optional(),
    decision: z.string().optional(),
    currency: z.string().describe('Of `cost`; `""` for decisions without a cost.'),
    calls: z.int().nonnegative(),
    cost: z.string().meta({ description: 'A decimal string.', examples: ['12.5'] }),
    inputTokens: z.int().nonnegative(),
    outputTokens: z.int().nonnegative(),
  })
  .meta({ id: 'UsageRow' });
export type UsageRow = z.infer<typeof usageRow>;

const shared = {
  owner: 'budget-tracker',
  auth: { scope: 'budget:read' },
  method: 'get',
  params: z.object({ org: orgId }),
} as const;

export const getUsage = defineRoute({
  ...shared,
  name: 'getUsage',
  path: '/v1/orgs/:org/usage',
  summary: 'Calls, cost and tokens by hour or day. Kept for METRICS_RETENTION_DAYS.',
  query: z.object({
    ...filters,
    cursor: z.string().max(8192).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_ROWS).default(1000),
  }),
  response: page(usageRow),
});

export const exportUsage = defineRoute({
  ...shared,
  name: 'exportUsage',
  path: '/v1/orgs/:org/usage/export',
  summary:
    'The same as CSV (RFC 4180), all of it. A text that a spreadsheet would take for a formula has an apostrophe before it.',
  query: z.object(filters),
  mediaType: 'text/csv',
  response: z.string().meta({ description: 'A header line, then a line for each row.' }),
});
