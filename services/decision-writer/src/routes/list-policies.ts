import { AppError, listPolicies, timestamp } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { z } from 'zod';
import { listPolicies as readPolicies } from '../policies/store.ts';

const cursorSchema = z.object({ createdAt: timestamp, id: z.string() });

/** `GET /v1/orgs/:org/policies`: keyset pages, oldest first. */
export function listPoliciesRoute(app: HttpApp, db: Database): void {
  app.mount(listPolicies, async ({ params: { org }, query: { cursor, limit } }) => {
    const after = cursor === undefined ? null : decodeCursor(cursor);
    const items = await db.transaction([org], (tx) => readPolicies(tx, org, after, limit));
    const last = items.at(-1);
    return { items, next: last && items.length === limit ? encodeCursor(last) : null };
  });
}

function encodeCursor({ createdAt, id }: z.infer<typeof cursorSchema>): string {
  return Buffer.from(JSON.stringify({ createdAt, id })).toString('base64url');
}

function decodeCursor(cursor: string): z.infer<typeof cursorSchema> {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new AppError('VALIDATION_FAILED', 'cursor: give `next` of the page before, unchanged', {
      path: 'cursor',
      cause,
    });
  }
}
