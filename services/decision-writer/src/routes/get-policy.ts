import { getPolicy } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readPolicy } from '../policies/store.ts';

/** `GET /v1/orgs/:org/policies/:id`. */
export function getPolicyRoute(app: HttpApp, db: Database): void {
  app.mount(getPolicy, ({ params: { org, id } }) => db.transaction([org], (tx) => readPolicy(tx, org, id)));
}
