import { z } from 'zod';
import { clientTimestamp } from '../decision.ts';
import { timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { amount } from '../money.ts';
import { text } from '../text.ts';
import { budget, budgetParams } from './budgets.ts';
import { defineRoute, page } from './route.ts';

const decimal = z.string().meta({ description: 'A decimal string.', examples: ['12.5'] });

const paging = {
  cursor: z.string().max(256).optional().describe('`next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
};

const shared = {
  owner: 'budget-tracker',
  auth: { scope: 'budget:read' },
  method: 'get',
  params: budgetParams,
} as const;

/** What a budget was between two changes. */
export const budgetVersion = budget
  .pick({
    name: true,
    limit: true,
    hard: true,
    carryOver: true,
    startsAt: true,
    endsAt: true,
    scope: true,
    thresholds: true,
    forecast: true,
    revision: true,
    fromSeq: true,
  })
  .extend({
    untilSeq: z.int().nonnegative().nullable().describe('The last decision it counts; null for the present version.'),
    changedBy: z.string().nullable().describe('The user, else the key, that made it; null: an operator.'),
    createdAt: timestamp,
  })
  .meta({ id: 'BudgetVersion' });
export type BudgetVersion = z.infer<typeof budgetVersion>;

export const listBudgetVersions = defineRoute({
  ...shared,
  name: 'listBudgetVersions',
  path: '/v1/orgs/:org/budgets/:id/history',
  summary: 'What a budget has been, the latest version first; also of an archived budget.',
  query: z.object(paging),
  response: page(budgetVersion),
});

/** What was used of a budget in one period. */
export const budgetPeriodUse = z
  .object({
    periodStart: timestamp.nullable().describe('Null for `total`.'),
    periodEnd: timestamp.nullable(),
    limit: decimal.describe('As it was last in this period.'),
    carried: decimal.describe('Left over from the period before, on top of the limit.'),
    used: decimal.describe('Late usage is added to the period it belongs to.'),
    overrun: decimal.describe('Of it, what went beyond a hold, or beyond a hard limit without one.'),
    current: z.boolean(),
  })
  .meta({ id: 'BudgetPeriodUse' });
export type BudgetPeriodUse = z.infer<typeof budgetPeriodUse>;

export const listBudgetPeriods = defineRoute({
  ...shared,
  name: 'listBudgetPeriods',
  path: '/v1/orgs/:org/budgets/:id/periods',
  summary: 'What was used of a budget by period, the latest first. A period in which nothing happened may be absent.',
  query: z.object(paging),
  response: page(budgetPeriodUse),
});

/** One line of a ledger. */
export const ledgerEntry = z
  .object({
    id: z.int().positive(),
    source: z
      .enum(['decision', 'hold', 'hold-moved', 'adjustment'])
      .describe('`hold-moved` takes back what a hold booked, because its decision belongs to another period.'),
    sourceId: z.string().describe('The id of the decision, hold or adjustment.'),
    amount: decimal,
    periodStart: timestamp.nullable().describe('Null for `total`.'),
    occurredAt: timestamp,
    seq: z.int().positive().nullable().describe('Of the decision; null for other sources.'),
    revision: z.int().positive().describe('The version of the budget it was made with.'),
    priceId: z.int().positive().nullable().describe('The price it was made with; null when the usage named its cost.'),
    holdId: z
      .string()
      .nullable()
      .describe('The hold that was settled, or to whose booking the amount is a difference.'),
    overrun: decimal.describe('Of the amount, what went beyond its hold, or beyond a hard limit without one.'),
  })
  .meta({ id: 'LedgerEntry' });
export type LedgerEntryView = z.infer<typeof ledgerEntry>;

export const listLedger = defineRoute({
  ...shared,
  name: 'listLedger',
  path: '/v1/orgs/:org/budgets/:id/ledger',
  summary: 'The ledger of a budget, oldest first; what is used is always its sum.',
  query: z.object(paging),
  response: page(ledgerEntry),
});

export const adjustBudget = defineRoute({
  name: 'adjustBudget',
  method: 'post',
  path: '/v1/orgs/:org/budgets/:id/adjustments',
  owner: 'budget-tracker',
  summary: 'Corrects what is used of a budget by a line of its own in the ledger, in the period that `at` belongs to.',
  auth: { scope: 'budget:write' },
  params: budgetParams,
  body: z
    .object({
      idempotencyKey: text(256, 1).describe('Names this correction: a repeat with the same key books nothing.'),
      amount: amount.refine((value) => value !== '0', 'must not be 0').describe('Negative to take usage back.'),
      at: clientTimestamp.optional().describe('Which period it belongs to; absent: now. Not in the future.'),
      reason: text(1024, 1).describe('Why, for the audit log.'),
    })
    .meta({ id: 'NewAdjustment' }),
  response: budget,
});
