import { z } from 'zod';
import { externalId, orgId, timestamp } from '../identifiers.ts';
import { DEFAULT_LIMITS, MAX_PAGE } from '../limits.ts';
import { costInput, currency } from '../money.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const MAX_TTL_SECONDS = 24 * 60 * 60;
const DEFAULT_TTL_SECONDS = 300;
/** Keeps sums of holds far from what NUMERIC(38,12) can store. */
const MAX_HOLD_DIGITS = 15;

const decimal = z.string().meta({ description: 'A decimal string.', examples: ['12.5'] });

const heldAmount = costInput.refine(
  (value) => value.replace(/\..*$/, '').length <= MAX_HOLD_DIGITS,
  `must have at most ${MAX_HOLD_DIGITS} digits before the point`,
);
const heldTokens = z.int().nonnegative().describe('Input and output tokens together, for budgets that count tokens.');

/** What to set aside, and for which call. */
const holdFields = {
  idempotencyKey: text(256, 1).describe(
    'Names this hold within the org: a repeat with the same key gets the same answer.',
  ),
  amount: heldAmount.describe('Money; "0" when only tokens or calls are to be held. Each hold is one call.'),
  currency: currency.nullish().describe("Currency of `amount`; absent: each budget's own."),
  tokens: heldTokens.nullish(),
  userId: externalId.nullish().describe('Whom the call is about; absent: the user of the credential.'),
  tool: text(1024).nullish(),
  tags: z.array(text(DEFAULT_LIMITS.tagLength)).max(DEFAULT_LIMITS.tags).nullish(),
  correlationId: text(256).nullish().describe('With `tool`, what a decision finds its hold by when it names none.'),
  model: text(256).nullish(),
  provider: text(256).nullish(),
  ttlSeconds: z
    .int()
    .min(1)
    .max(MAX_TTL_SECONDS)
    .default(DEFAULT_TTL_SECONDS)
    .describe('After which it expires by itself, by the clock of the database.'),
};
export const newHold = z.object(holdFields).meta({ id: 'NewHold' });
export type NewHold = z.infer<typeof newHold>;

/** Whether a hold was granted. */
export const holdAnswer = z
  .object({
    holdId: z.string().nullable().describe('Null when the database did not answer: there is no hold then.'),
    allowed: z.boolean(),
    mode: z
      .enum(['enforced', 'failed-open', 'failed-closed'])
      .describe(
        '`failed-…`: the database did not answer, and the installation is set to allow, or to refuse, what it cannot check.',
      ),
    refusedBy: z.string().optional().describe('The id of the hard budget that has no room; absent when allowed.'),
    remaining: decimal
      .nullable()
      .describe(
        'What remains: of the budget that refuses, else the least of all it holds of in money. Null: no such budget.',
      ),
    budgets: z
      .array(z.object({ budgetId: z.string(), name: z.string(), hard: z.boolean(), held: decimal, remaining: decimal }))
      .describe('Each budget it applies to, with what this hold sets aside and what remains after it.'),
    expiresAt: timestamp.nullable().describe('Null when there is no hold.'),
  })
  .meta({ id: 'HoldAnswer' });
export type HoldAnswer = z.infer<typeof holdAnswer>;

export const holdStatus = z.enum(['refused', 'open', 'settled', 'released', 'expired']);
export type HoldStatus = z.infer<typeof holdStatus>;

export const hold = z
  .object({
    id: z.string(),
    orgId,
    idempotencyKey: z.string(),
    status: holdStatus,
    amount: decimal,
    currency: z.string().nullable(),
    tokens: z.int().nonnegative(),
    userId: z.string().nullable(),
    keyId: z.string().nullable(),
    tool: z.string().nullable(),
    tags: z.array(z.string()),
    correlationId: z.string().nullable(),
    budgets: z.array(
      z.object({
        budgetId: z.string(),
        held: decimal,
        booked: decimal.nullable().describe('What settling booked; null when the caller did not settle it.'),
      }),
    ),
    settledAmount: decimal.nullable(),
    settledTokens: z.int().nonnegative().nullable(),
    decisionId: z
      .string()
      .nullable()
      .describe('The decision it was spent by: from then on that says what was used, and not the hold.'),
    createdAt: timestamp,
    expiresAt: timestamp,
    closedAt: timestamp.nullable(),
  })
  .meta({ id: 'Hold' });
export type Hold = z.infer<typeof hold>;

const settleFields = {
  amount: heldAmount.describe('What was spent; more than was held is booked as an overrun.'),
  tokens: heldTokens.nullish().describe('Absent: as many as were held.'),
};
const settlement = z.object(settleFields).meta({ id: 'Settlement' });

const orgParams = z.object({ org: orgId });
const holdParams = z.object({ org: orgId, id: text(64, 1) });
const write = { owner: 'budget-tracker', auth: { scope: 'decisions:write' }, method: 'post' } as const;
const read = { owner: 'budget-tracker', auth: { scope: 'budget:read' }, method: 'get' } as const;

export const createHold = defineRoute({
  ...write,
  name: 'createHold',
  path: '/v1/orgs/:org/holds',
  summary: 'Sets an amount aside in every budget it applies to, or in none: `allowed` says which.',
  params: orgParams,
  body: newHold,
  response: holdAnswer,
});

export const settleHold = defineRoute({
  ...write,
  name: 'settleHold',
  path: '/v1/orgs/:org/holds/:id/settle',
  summary:
    'Books what was spent and closes the hold. The same amount again changes nothing; a hold that its decision closed stays as it is.',
  params: holdParams,
  body: settlement,
  response: hold,
});

export const releaseHold = defineRoute({
  ...write,
  name: 'releaseHold',
  path: '/v1/orgs/:org/holds/:id/release',
  summary: 'Gives back what is held: nothing was spent. Again changes nothing.',
  params: holdParams,
  response: hold,
});

export const getHold = defineRoute({
  ...read,
  name: 'getHold',
  path: '/v1/orgs/:org/holds/:id',
  summary: 'One hold.',
  params: holdParams,
  response: hold,
});

export const listHolds = defineRoute({
  ...read,
  name: 'listHolds',
  path: '/v1/orgs/:org/holds',
  summary: 'Holds, the latest first.',
  params: orgParams,
  query: z.object({
    status: holdStatus.optional(),
    cursor: z.string().max(256).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(hold),
});

export const holdMessage = z
  .object({ type: z.literal('HOLD'), ...holdFields })
  .meta({ id: 'HoldMessage', description: 'Asks for a hold. Answered by HOLD_RESULT, or ERROR with its `id`.' });
export const settleMessage = z
  .object({ type: z.literal('SETTLE'), holdId: text(64, 1), ...settleFields })
  .meta({ id: 'SettleMessage', description: 'Books what was spent under a hold. Answered by HOLD_STATE.' });
export const releaseMessage = z
  .object({ type: z.literal('RELEASE'), holdId: text(64, 1) })
  .meta({ id: 'ReleaseMessage', description: 'Gives a hold back unspent. Answered by HOLD_STATE.' });

export const holdResult = z
  .object({
    type: z.literal('HOLD_RESULT'),
    id: z.string().describe('The idempotencyKey.'),
    ...holdAnswer.shape,
    timestamp,
  })
  .meta({ id: 'HoldResult', description: 'Whether a hold was granted; answers HOLD.' });
export const holdState = z
  .object({ type: z.literal('HOLD_STATE'), id: z.string().describe('The holdId.'), hold, timestamp })
  .meta({ id: 'HoldState', description: 'What became of a hold; answers SETTLE and RELEASE.' });
