import type { Decimal } from './decimal.ts';
import type { Recorded } from './recorded.ts';

/** What the tokens of a model cost from one time to another. */
export interface Price {
  /** Grows with every price stored: of two that fit, the one stored later is meant. */
  id: number;
  orgId: string;
  /** `''` for any. */
  provider: string;
  model: string;
  currency: string;
  /** For one token. */
  input: Decimal;
  output: Decimal;
  /** Milliseconds since the epoch. */
  from: number;
  /** Not included; null: for ever. */
  to: number | null;
}

/** Whether a decision used tokens of a named model and its cost is not known. */
export function wantsPrice(recorded: Recorded): boolean {
  return recorded.cost === null && recorded.model !== null && recorded.inputTokens + recorded.outputTokens > 0;
}

/**
 * The decision with its cost by the price table, where it names none; unchanged when no price fits. Exact: a price for one
 * token times whole tokens needs no rounding.
 */
export function priced(recorded: Recorded, prices: readonly Price[]): Recorded {
  if (!wantsPrice(recorded)) return recorded;
  const price = priceFor(recorded, prices);
  if (price === null) return recorded;
  const cost = BigInt(recorded.inputTokens) * price.input + BigInt(recorded.outputTokens) * price.output;
  return { ...recorded, cost, currency: price.currency, priceId: price.id };
}

/** The price of the provider itself before the one for any, then the one that began last, then the one stored last. */
function priceFor({ orgId, provider, model, at }: Recorded, prices: readonly Price[]): Price | null {
  let best: Price | null = null;
  for (const price of prices) {
    const fits =
      price.orgId === orgId &&
      price.model === model &&
      (price.provider === '' || price.provider === provider) &&
      price.from <= at &&
      (price.to === null || at < price.to);
    if (fits && (best === null || goesBefore(price, best))) best = price;
  }
  return best;
}

function goesBefore(a: Price, b: Price): boolean {
  if ((a.provider === '') !== (b.provider === '')) return b.provider === '';
  return a.from === b.from ? a.id > b.id : a.from > b.from;
}
