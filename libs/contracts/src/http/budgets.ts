import { z } from 'zod';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { amount, currency } from '../money.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

/** What a budget counts: money, input and output tokens together, or stored decisions. */
export const budgetUnit = z.enum(['currency', 'tokens', 'calls']);
export type BudgetUnit = z.infer<typeof budgetUnit>;

/** After which time a budget starts again at zero, in its time zone; weeks start on Monday; `total` never does. */
export const budgetPeriod = z.enum(['total', 'hour', 'day', 'week', 'month']);
export type BudgetPeriod = z.infer<typeof budgetPeriod>;

/** Which decisions a budget is about: those that agree with every member; empty for all of the org. */
export const budgetScope = z.strictObject({
  userId: externalId.optional(),
  keyId: externalId.optional().describe('The id of the API key that submitted the decision.'),
  tool: text(1024, 1).optional(),
  tag: text(256, 1).optional().describe('One of the tags of the decision.'),
});
export type BudgetScope = z.infer<typeof budgetScope>;

/** Percentages of the limit that are told of when none are chosen. */
export const DEFAULT_THRESHOLDS: readonly number[] = [50, 80, 95, 100];
const MAX_THRESHOLDS = 16;
const MAX_THRESHOLD = 1000;

const threshold = z.int().min(1).max(MAX_THRESHOLD);
const decimal = z.string().meta({ description: 'A decimal string.', examples: ['12.5'] });

/** A budget and how much of it is used in its current period. */
export const budget = z
  .object({
    id: z.string(),
    orgId,
    name: z.string(),
    limit: decimal,
    unit: budgetUnit,
    currency: z.string().nullable().describe('Null but for the unit `currency`.'),
    period: budgetPeriod,
    timeZone: z.string(),
    hard: z.boolean(),
    scope: budgetScope,
    thresholds: z.array(threshold),
    used: decimal,
    held: decimal,
    remaining: decimal.describe('limit - used - held; negative once usage has gone beyond the limit.'),
    percentUsed: z.number(),
    periodStart: timestamp.nullable().describe('Null for `total`.'),
    periodEnd: timestamp.nullable().describe('Null for `total`.'),
    version: z.int().nonnegative().describe('Grows with every change of the state.'),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Budget' });
export type Budget = z.infer<typeof budget>;

const newBudget = z
  .object({
    name: text(200, 1),
    limit: amount.refine((value) => value !== '0' && !value.startsWith('-'), 'must be more than 0'),
    unit: budgetUnit.default('currency'),
    currency: currency.nullish().describe('Needed for the unit `currency`, left out for the others.'),
    period: budgetPeriod.default('total'),
    timeZone: z.literal('UTC').default('UTC'),
    hard: z
      .boolean()
      .default(false)
      .describe('Holds beyond the limit are refused. Usage without a hold is always booked.'),
    scope: budgetScope.default({}),
    thresholds: z
      .array(threshold)
      .max(MAX_THRESHOLDS)
      .transform((values) => [...new Set(values)].sort((a, b) => a - b))
      .default([...DEFAULT_THRESHOLDS])
      .describe('Percentages of the limit; each is told of once a period.'),
  })
  .superRefine((body, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const inCurrency = body.unit === 'currency';
    if (inCurrency && !body.currency) issue('currency', 'is needed for the unit "currency", such as "USD"');
    if (!inCurrency && body.currency) issue('currency', `must be left out for the unit "${body.unit}"`);
    if (!inCurrency && body.limit.includes('.')) issue('limit', `must be a whole number for the unit "${body.unit}"`);
  })
  .meta({ id: 'NewBudget' });
export type NewBudget = z.infer<typeof newBudget>;

const orgParams = z.object({ org: orgId });

export const listBudgets = defineRoute({
  name: 'listBudgets',
  method: 'get',
  path: '/v1/orgs/:org/budgets',
  owner: 'budget-tracker',
  summary: 'The budgets of an org with what is used of them now, by id.',
  auth: { scope: 'budget:read' },
  params: orgParams,
  query: z.object({
    cursor: z.string().max(64).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(budget),
});

export const getBudget = defineRoute({
  name: 'getBudget',
  method: 'get',
  path: '/v1/orgs/:org/budgets/:id',
  owner: 'budget-tracker',
  summary: 'One budget with what is used of it now.',
  auth: { scope: 'budget:read' },
  params: z.object({ org: orgId, id: text(64, 1) }),
  response: budget,
});

export const createBudget = defineRoute({
  name: 'createBudget',
  method: 'post',
  path: '/v1/orgs/:org/budgets',
  owner: 'budget-tracker',
  summary: 'Creates a budget. It counts the decisions stored after it.',
  auth: { scope: 'budget:write' },
  params: orgParams,
  body: newBudget,
  status: 201,
  response: budget,
});
