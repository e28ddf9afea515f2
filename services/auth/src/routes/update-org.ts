import { type Org, updateOrg } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { readOrg, saveOrg } from '../orgs/org-store.ts';

/** `PATCH /v1/orgs/:org` */
export function updateOrgRoute(app: HttpApp, changes: Changes): void {
  app.mount(updateOrg, async ({ params: { org }, body, principal, req }) =>
    changes.make<Org>({ principal, req }, org, async (tx) => {
      const before = await readOrg(tx, org, 'lock');
      const after = { ...before, name: body.name ?? before.name, keepRawText: body.keepRawText ?? before.keepRawText };
      await saveOrg(tx, after);
      const audit = [{ action: 'org.update', target: org, detail: { before, after } }];
      // Gateways learn of the setting with the principal.
      return { result: after, audit, access: before.keepRawText === after.keepRawText ? undefined : {} };
    }),
  );
}
