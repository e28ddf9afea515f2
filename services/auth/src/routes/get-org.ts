import { getOrg } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readOrg } from '../orgs/org-store.ts';
import { inOrg } from '../reachable.ts';

/** `GET /v1/orgs/:org` */
export function getOrgRoute(app: HttpApp, db: Database): void {
  app.mount(getOrg, async ({ params: { org } }) => inOrg(db, org, (tx) => readOrg(tx, org)));
}
