import { suspendOrg } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { setSuspended } from '../orgs/org-store.ts';
import { actingRole, caller, requireRank } from '../rights.ts';

/** `POST /v1/orgs/:org/suspend`: nobody of the org can undo it, so only an owner may do it. */
export function suspendOrgRoute(app: HttpApp, changes: Changes): void {
  app.mount(suspendOrg, async ({ params: { org }, principal, req }) =>
    changes.make<undefined>({ principal, req }, org, async (tx) => {
      requireRank(await actingRole(tx, caller(principal)), 'owner');
      await setSuspended(tx, org, true);
      return { result: undefined, audit: [{ action: 'org.suspend', target: org }], access: {} };
    }),
  );
}
