import { listKeys } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { decodeCursor, pageOf } from '../cursor.ts';
import { readKeys } from '../keys/key-store.ts';
import { inOrg } from '../reachable.ts';

/** `GET /v1/orgs/:org/keys` */
export function listKeysRoute(app: HttpApp, db: Database): void {
  app.mount(listKeys, async ({ params: { org }, query: { cursor, limit } }) => {
    const after = decodeCursor(cursor);
    const rows = await inOrg(db, org, (tx) => readKeys(tx, org, after, limit));
    return pageOf(
      rows,
      limit,
      (key) => key,
      (key) => [key.createdAt, key.id],
    );
  });
}
