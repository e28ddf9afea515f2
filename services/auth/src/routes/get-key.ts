import { getKey } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readKey } from '../keys/key-store.ts';
import { inOrg } from '../reachable.ts';

/** `GET /v1/orgs/:org/keys/:id` */
export function getKeyRoute(app: HttpApp, db: Database): void {
  app.mount(getKey, async ({ params: { org, id } }) => inOrg(db, org, (tx) => readKey(tx, org, id)));
}
