import { AppError } from '@governsai/contracts';

// Opaque to clients, so that the order may change.

/** The `next` of a page: where the next one goes on. */
function encodeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * Where a page begins; null at the beginning. `kinds` are the types of its parts. Throws VALIDATION_FAILED for what is no
 * cursor of such a list.
 */
export function decodeCursor<K extends readonly ('string' | 'number')[]>(
  cursor: string | undefined,
  ...kinds: K
): { [I in keyof K]: K[I] extends 'string' ? string : number } | null {
  if (cursor === undefined) return null;
  const place = parse(Buffer.from(cursor, 'base64url').toString());
  const isPlace =
    Array.isArray(place) &&
    place.length === kinds.length &&
    kinds.every((kind, index) => {
      const part: unknown = place[index];
      return kind === 'number' ? Number.isSafeInteger(part) : typeof part === 'string' && !part.includes('\u0000');
    });
  if (!isPlace) {
    throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', { path: 'cursor' });
  }
  return place as never;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A page of what was asked for with one item more than `limit`, so that it is known whether there is another page. */
export function pageOf<Item, View>(
  items: readonly Item[],
  limit: number,
  placeOf: (last: Item) => readonly (string | number)[],
  view: (item: Item) => View,
): { items: View[]; next: string | null } {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  const next = items.length > limit && last !== undefined ? encodeCursor(placeOf(last)) : null;
  return { items: shown.map(view), next };
}
