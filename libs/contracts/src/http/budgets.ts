import { z } from 'zod';
import { clientTimestamp } from '../decision.ts';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { MAX_EXPRESSION, MAX_PAGE } from '../limits.ts';
import { amount, currency } from '../money.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

/** What a budget counts: money, input and output tokens together, or stored decisions. */
export const budgetUnit = z.enum(['currency', 'tokens', 'calls']);
export type BudgetUnit = z.infer<typeof budgetUnit>;

/**
 * After which time a budget starts again at zero. Days, weeks and months follow the clocks of its time zone; an hour is 60
 * minutes, whatever they do; `total` never starts again.
 */
export const budgetPeriod = z.enum(['total', 'hour', 'day', 'week', 'month']);
export type BudgetPeriod = z.infer<typeof budgetPeriod>;

/** Which decisions and holds a budget is about: those that agree with every member; empty for all of the org. */
export const budgetScope = z.strictObject({
  userId: externalId.optional(),
  keyId: externalId.optional().describe('The id of the API key that submitted the decision.'),
  tool: text(1024, 1).optional(),
  tag: text(256, 1).optional().describe('One of the tags of the decision.'),
  when: text(MAX_EXPRESSION, 1)
    .optional()
    .describe('A CEL condition over the decision, as policies have: `tool.glob("web.*")`.'),
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
    anchor: timestamp.nullable().describe('Periods begin at the time of day, weekday and day of month of this moment.'),
    hard: z.boolean(),
    carryOver: z.boolean(),
    startsAt: timestamp.nullable(),
    endsAt: timestamp.nullable(),
    scope: budgetScope,
    thresholds: z.array(threshold),
    forecast: z.boolean(),
    used: decimal,
    held: decimal.describe('Set aside by open holds.'),
    carried: decimal.describe('Left over from the period before, on top of the limit.'),
    remaining: decimal.describe('limit + carried - used - held; negative once usage has gone beyond that.'),
    percentUsed: z.number().describe('`used` of `limit` + `carried`, in percent.'),
    periodStart: timestamp.nullable().describe('Null for `total`.'),
    periodEnd: timestamp.nullable().describe('Null for `total`.'),
    version: z.int().nonnegative().describe('Grows with every change of the state.'),
    revision: z.int().positive().describe('Grows with every change of the budget itself; see its history.'),
    fromSeq: z.int().positive().describe('The first decision it counts.'),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Budget' });
export type Budget = z.infer<typeof budget>;

const limit = amount.refine((value) => value !== '0' && !value.startsWith('-'), 'must be more than 0');

const thresholds = z
  .array(threshold)
  .max(MAX_THRESHOLDS)
  .transform((values) => [...new Set(values)].sort((a, b) => a - b))
  .describe('Percentages of the limit; each is told of once a period.');

const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'must be an IANA time zone such as "Europe/Berlin"')
  .describe('IANA time zone whose clocks the periods follow.');

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

const hard = z.boolean().describe('Holds beyond the limit are refused. Usage without a hold is always booked.');
const carryOver = z
  .boolean()
  .describe('What a period leaves unused is added to the next one, at most one limit; not for `total`.');
const forecast = z
  .boolean()
  .describe('Also tell, once a period, when at the present rate the limit will be exceeded before the period ends.');
const startsAt = clientTimestamp.nullable().describe('Usage and holds before are not counted; null: no such moment.');
const endsAt = clientTimestamp
  .nullable()
  .describe('Usage and holds from here on are not counted; null: no such moment.');

const newBudget = z
  .strictObject({
    name: text(200, 1),
    limit,
    unit: budgetUnit.default('currency'),
    currency: currency.nullish().describe('Needed for the unit `currency`, left out for the others.'),
    period: budgetPeriod.default('total'),
    timeZone: timeZone.default('UTC'),
    anchor: clientTimestamp
      .nullish()
      .describe(
        'Periods begin at the time of day, weekday and day of month of this moment; absent: at midnight, on Monday, on the first.',
      ),
    hard: hard.default(false),
    carryOver: carryOver.default(false),
    startsAt: startsAt.default(null),
    endsAt: endsAt.default(null),
    scope: budgetScope.default({}),
    thresholds: thresholds.default([...DEFAULT_THRESHOLDS]),
    forecast: forecast.default(true),
  })
  .superRefine((body, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const inCurrency = body.unit === 'currency';
    if (inCurrency && !body.currency) issue('currency', 'is needed for the unit "currency", such as "USD"');
    if (!inCurrency && body.currency) issue('currency', `must be left out for the unit "${body.unit}"`);
    if (!inCurrency && body.limit.includes('.')) issue('limit', `must be a whole number for the unit "${body.unit}"`);
    if (body.period === 'total' && body.anchor) issue('anchor', 'must be left out for the period "total"');
    if (body.period === 'total' && body.carryOver) issue('carryOver', 'must be false for the period "total"');
    if (body.startsAt && body.endsAt && body.endsAt <= body.startsAt) issue('endsAt', 'must be after startsAt');
  })
  .meta({ id: 'NewBudget' });
export type NewBudget = z.infer<typeof newBudget>;

/** What of a budget may change. Its unit, currency and periods may not: its ledger is in them. */
const budgetChange = z
  .strictObject({
    name: text(200, 1).optional(),
    limit: limit.optional(),
    hard: hard.optional(),
    carryOver: carryOver.optional(),
    startsAt: startsAt.optional(),
    endsAt: endsAt.optional(),
    scope: budgetScope.optional(),
    thresholds: thresholds.optional(),
    forecast: forecast.optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), 'name at least one member to change')
  .meta({ id: 'BudgetChange' });
export type BudgetChange = z.infer<typeof budgetChange>;

const orgParams = z.object({ org: orgId });
/** The path of one budget. */
export const budgetParams = z.object({ org: orgId, id: text(64, 1) });

export const listBudgets = defineRoute({
  name: 'listBudgets',
  method: 'get',
  path: '/v1/orgs/:org/budgets',
  owner: 'budget-tracker',
  summary: 'The budgets of an org with what is used of them now, by id; archived ones are left out.',
  auth: { scope: 'budget:read' },
  params: orgParams,
  query: z.object({
    cursor: z.string().max(256).optional().describe('`next` of the page before.'),
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
  params: budgetParams,
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

export const changeBudget = defineRoute({
  name: 'changeBudget',
  method: 'patch',
  path: '/v1/orgs/:org/budgets/:id',
  owner: 'budget-tracker',
  summary:
    'Changes a budget from now on. Decisions stored before keep counting by what it was; the version before goes to its history.',
  auth: { scope: 'budget:write' },
  params: budgetParams,
  body: budgetChange,
  response: budget,
});

export const archiveBudget = defineRoute({
  name: 'archiveBudget',
  method: 'delete',
  path: '/v1/orgs/:org/budgets/:id',
  owner: 'budget-tracker',
  summary: 'Ends a budget: it counts and refuses nothing any more. Its ledger and history stay.',
  auth: { scope: 'budget:write' },
  params: budgetParams,
  status: 204,
  response: z.undefined(),
});
