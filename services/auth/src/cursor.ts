import { AppError } from '@governsai/contracts';
import { z } from 'zod';

const parts = z.array(z.string().max(256)).length(2);

/** A place in a list that is sorted by two columns. */
export type Place = readonly [string, string];

/** The opaque `next` of a page. */
function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** Reads a `cursor`; null for the first page. Throws VALIDATION_FAILED for what is none of ours. */
export function decodeCursor(cursor: string | undefined): Place | null {
  if (cursor === undefined) return null;
  try {
    return parts.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))) as unknown as Place;
  } catch (cause) {
    throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', {
      path: 'cursor',
      cause,
    });
  }
}

/** A page of what a query for one row more than `limit` returned. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  placeOf: (item: Item) => Place,
): { items: Item[]; next: string | null } {
  const items = rows.slice(0, limit).map(itemOf);
  const last = items.at(-1);
  return { items, next: last !== undefined && rows.length > limit ? encodeCursor(placeOf(last)) : null };
}
