import { listOrgs } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readOrg } from '../orgs/org-store.ts';
import { inOrg, reachable } from '../reachable.ts';
import { caller } from '../rights.ts';
import { orgsOf } from '../sessions/people.ts';

/** `GET /v1/orgs` */
export function listOrgsRoute(app: HttpApp, db: Database): void {
  app.mount(listOrgs, async ({ principal }) => {
    const { kind, orgId, userId } = caller(principal);
    if (kind === 'session' && userId !== null) {
      const orgs = await reachable(() => orgsOf(db, userId));
      return { items: orgs.map(({ id, name, role }) => ({ id, name, role })) };
    }
    // A key is of one org, whoever's it is: it learns of no other one.
    const { id, name } = await inOrg(db, orgId, (tx) => readOrg(tx, orgId));
    return { items: [{ id, name, role: null }] };
  });
}
