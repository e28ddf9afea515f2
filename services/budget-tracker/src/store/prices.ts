import type { NewPrice } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import { parseDecimal } from '../domain/decimal.ts';
import { type Price, wantsPrice } from '../domain/pricing.ts';
import type { Recorded } from '../domain/recorded.ts';
import { timeOrNull } from './budget-rows.ts';

/** The prices of the models that decisions used without saying what it cost; none when all of them say. */
export async function pricesFor(tx: Sql, recorded: readonly Recorded[]): Promise<Price[]> {
  const wanted = new Map<string, { orgId: string; model: string }>();
  for (const one of recorded) {
    if (wantsPrice(one) && one.model !== null) {
      wanted.set(JSON.stringify([one.orgId, one.model]), { orgId: one.orgId, model: one.model });
    }
  }
  if (wanted.size === 0) return [];
  const pairs = [...wanted.values()];
  const rows = await tx.query<{
    id: number;
    org_id: string;
    provider: string;
    model: string;
    currency: string;
    input_price: string;
    output_price: string;
    effective_from: string;
    effective_to: string | null;
  }>(
    `SELECT p.id, p.org_id, p.provider, p.model, p.currency, p.input_price, p.output_price, p.effective_from, p.effective_to
     FROM unnest($1::text[], $2::text[]) AS w(org_id, model) JOIN model_prices p ON p.org_id = w.org_id AND p.model = w.model`,
    [pairs.map(({ orgId }) => orgId), pairs.map(({ model }) => model)],
  );
  return rows.map((row) => ({
    id: row.id,
    orgId: row.org_id,
    provider: row.provider,
    model: row.model,
    currency: row.currency,
    input: parseDecimal(row.input_price),
    output: parseDecimal(row.output_price),
    from: Date.parse(row.effective_from),
    to: timeOrNull(row.effective_to),
  }));
}

/** A price as people see it. */
export interface PriceRow {
  id: number;
  provider: string;
  model: string;
  currency: string;
  inputPrice: string;
  outputPrice: string;
  effectiveFrom: string;
  effectiveTo: string | null;
  createdAt: string;
}

/** Prices of an org after the id `after`, oldest first; of one model or of all. */
export function listPriceRows(
  tx: Sql,
  orgId: string,
  { model, after, limit }: { model: string | null; after: number; limit: number },
): Promise<PriceRow[]> {
  return tx.query<PriceRow>(
    `SELECT id, provider, model, currency, trim_scale(input_price) AS "inputPrice", trim_scale(output_price) AS "outputPrice",
       effective_from AS "effectiveFrom", effective_to AS "effectiveTo", created_at AS "createdAt"
     FROM model_prices WHERE org_id = $1 AND ($2::text IS NULL OR model = $2) AND id > $3 ORDER BY id LIMIT $4`,
    [orgId, model, after, limit],
  );
}

/** Stores the prices that are not the present ones of their model and beginning already; returns how many. */
export function addPrices(
  tx: Sql,
  orgId: string,
  prices: readonly NewPrice[],
  createdBy: string | null,
): Promise<number> {
  return tx.execute(
    `INSERT INTO model_prices (org_id, provider, model, currency, input_price, output_price, effective_from, effective_to, created_by)
     SELECT $1, n.provider, n.model, n.currency, n.input_price, n.output_price, n.effective_from, n.effective_to, $9
     FROM unnest($2::text[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::timestamptz[], $8::timestamptz[])
       WITH ORDINALITY AS n(provider, model, currency, input_price, output_price, effective_from, effective_to, place)
     WHERE NOT EXISTS (
       SELECT 1 FROM (
         SELECT * FROM model_prices m
         WHERE m.org_id = $1 AND m.provider = n.provider AND m.model = n.model AND m.effective_from = n.effective_from
         ORDER BY m.id DESC LIMIT 1
       ) m WHERE m.currency = n.currency AND m.input_price = n.input_price AND m.output_price = n.output_price
         AND m.effective_to IS NOT DISTINCT FROM n.effective_to
     ) ORDER BY n.place`,
    [
      orgId,
      prices.map((price) => price.provider),
      prices.map((price) => price.model),
      prices.map((price) => price.currency),
      prices.map((price) => price.inputPrice),
      prices.map((price) => price.outputPrice),
      prices.map((price) => price.effectiveFrom),
      prices.map((price) => price.effectiveTo ?? null),
      createdBy,
    ],
  );
}

/** A model of the org that has more than `most` prices; null when none has. */
export async function crowdedModel(tx: Sql, orgId: string, most: number): Promise<string | null> {
  const [row] = await tx.query<{ model: string }>(
    'SELECT model FROM model_prices WHERE org_id = $1 GROUP BY model HAVING count(*) > $2 LIMIT 1',
    [orgId, most],
  );
  return row?.model ?? null;
}
