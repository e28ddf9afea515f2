import { z } from 'zod';
import { clientTimestamp } from '../decision.ts';
import { orgId, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { costInput, currency } from '../money.ts';
import { text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const decimal = z.string().meta({ description: 'A decimal string.', examples: ['0.0000025'] });

/** What the tokens of a model cost. Never changed: a later one for the same model and time goes before it. */
export const price = z
  .object({
    id: z.int().positive(),
    provider: z.string().describe('`""` for any.'),
    model: z.string(),
    currency: z.string(),
    inputPrice: decimal.describe('For one input token.'),
    outputPrice: decimal.describe('For one output token.'),
    effectiveFrom: timestamp,
    effectiveTo: timestamp.nullable().describe('Not included; null: until the next price of the model.'),
    createdAt: timestamp,
  })
  .meta({ id: 'Price' });
export type Price = z.infer<typeof price>;

export const newPrice = z
  .object({
    provider: text(256).default(''),
    model: text(256, 1),
    currency,
    inputPrice: costInput,
    outputPrice: costInput,
    effectiveFrom: clientTimestamp,
    effectiveTo: clientTimestamp.nullish(),
  })
  .refine((one) => !one.effectiveTo || one.effectiveTo > one.effectiveFrom, {
    path: ['effectiveTo'],
    message: 'must be after effectiveFrom',
  })
  .meta({ id: 'NewPrice' });
export type NewPrice = z.infer<typeof newPrice>;

/** Prices in one import. */
export const MAX_PRICES = 10_000;
/** Columns of a CSV of prices, in any order; the first line names them. */
export const PRICE_COLUMNS = [
  'provider',
  'model',
  'currency',
  'inputPrice',
  'outputPrice',
  'effectiveFrom',
  'effectiveTo',
] as const;

const params = z.object({ org: orgId });

export const listPrices = defineRoute({
  name: 'listPrices',
  method: 'get',
  path: '/v1/orgs/:org/prices',
  owner: 'budget-tracker',
  summary: 'The price table, oldest first. Usage without a cost is priced by it.',
  auth: { scope: 'budget:read' },
  params,
  query: z.object({
    model: text(256, 1).optional(),
    cursor: z.string().max(256).optional().describe('`next` of the page before.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  }),
  response: page(price),
});

export const importPrices = defineRoute({
  name: 'importPrices',
  method: 'post',
  path: '/v1/orgs/:org/prices',
  owner: 'budget-tracker',
  summary: `Adds prices, all or none; those that are there already are skipped. They apply to decisions counted from now on. CSV columns: ${PRICE_COLUMNS.join(', ')}.`,
  auth: { scope: 'budget:write' },
  params,
  body: z
    .object({
      prices: z.array(newPrice).max(MAX_PRICES).optional(),
      csv: z.string().max(900_000).optional().describe('The same as CSV (RFC 4180) with a header line.'),
    })
    .refine((body) => (body.prices === undefined) !== (body.csv === undefined), 'needs either prices or csv')
    .meta({ id: 'PriceImport' }),
  response: z.object({ added: z.int().nonnegative(), skipped: z.int().nonnegative() }),
});
