import {
  AppError,
  importPrices,
  listPrices,
  MAX_PRICES,
  type NewPrice,
  newPrice,
  PRICE_COLUMNS,
  validationError,
} from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import { parseCsv } from '../domain/csv.ts';
import { addPrices, crowdedModel, listPriceRows } from '../store/prices.ts';
import { audit, callerId } from './audit.ts';
import { inOrg } from './in-org.ts';

export interface PriceRouteParts {
  db: Database;
  /** Called when events wait in the outbox. */
  wake: () => void;
}

/** All prices of a model are looked through for each decision without a cost. */
const MAX_OF_ONE_MODEL = 1000;

/** `/v1/orgs/:org/prices`. */
export function priceRoutes(app: HttpApp, { db, wake }: PriceRouteParts): void {
  app.mount(listPrices, async ({ params: { org }, query: { model = null, cursor, limit } }) => {
    const [after] = decodeCursor(cursor, 'number') ?? [0];
    const rows = await inOrg(db, org, (tx) => listPriceRows(tx, org, { model, after, limit: limit + 1 }));
    return pageOf(
      rows,
      limit,
      ({ id }) => [id],
      (row) => row,
    );
  });

  app.mount(importPrices, async ({ params: { org }, body, principal, req }) => {
    const prices = body.prices ?? pricesOfCsv(body.csv ?? '');
    const added = await inOrg(db, org, async (tx) => {
      const count = await addPrices(tx, org, prices, callerId(principal));
      const crowded = await crowdedModel(tx, org, MAX_OF_ONE_MODEL);
      if (crowded !== null) {
        throw new AppError(
          'CONFLICT',
          `model ${crowded} would have more than ${MAX_OF_ONE_MODEL} prices: leave out those that change nothing`,
        );
      }
      if (count > 0) {
        const detail = { added: count, given: prices.length };
        await audit(tx, { principal, req }, { orgId: org, action: 'prices.import', target: org, detail });
      }
      return count;
    });
    wake();
    return { added, skipped: prices.length - added };
  });
}

function pricesOfCsv(csv: string): NewPrice[] {
  const refuse = (message: string) => new AppError('VALIDATION_FAILED', `csv: ${message}`, { path: 'csv' });
  let rows: ReturnType<typeof parseCsv>;
  try {
    rows = parseCsv(csv);
  } catch (error) {
    throw refuse((error as SyntaxError).message);
  }
  const [header, ...lines] = rows;
  const names = header?.fields.map((name) => name.trim()) ?? [];
  const unknown = names.filter((name) => !(PRICE_COLUMNS as readonly string[]).includes(name));
  if (names.length === 0 || unknown.length > 0 || new Set(names).size < names.length) {
    throw refuse(`the first line must name columns, each once, of ${PRICE_COLUMNS.join(', ')}`);
  }
  if (lines.length > MAX_PRICES) throw refuse(`may have ${MAX_PRICES} prices; send the rest in another import`);
  return lines.map(({ line, fields }) => {
    if (fields.length !== names.length)
      throw refuse(`line ${line} has ${fields.length} fields, the first line ${names.length}`);
    const given = names.map((name, index) => [name, fields[index]?.trim()]).filter(([, value]) => value !== '');
    const parsed = newPrice.safeParse(Object.fromEntries(given));
    if (!parsed.success) throw refuse(`line ${line}: ${validationError(parsed.error).message}`);
    return parsed.data;
  });
}
