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
