import { AppError, listDecisions } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readDecisions } from '../reading.ts';

/** `GET /v1/orgs/:org/decisions`: keyset pages by seq. */
export function listDecisionsRoute(app: HttpApp, db: Database): void {
  app.mount(listDecisions, async ({ params, query }) => {
    const { afterSeq, cursor, limit, ...filter } = query;
    const after = cursor === undefined ? (afterSeq ?? 0) : decodeCursor(cursor);
    const items = await readDecisions(db, params.org, after, limit, filter);
    const last = items.at(-1);
    return { items, next: last && items.length === limit ? encodeCursor(last.seq) : null };
  });
}

// Opaque to clients, so that it can come to hold more than a seq.
function encodeCursor(seq: number): string {
  return Buffer.from(`seq:${seq}`).toString('base64url');
}

function decodeCursor(cursor: string): number {
  const match = /^seq:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!match)
    throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', { path: 'cursor' });
  return Number(match[1]);
}
