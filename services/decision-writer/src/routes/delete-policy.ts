import { deletePolicy } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { changePolicies, type PolicyRouteParts } from '../policies/change.ts';
import { removePolicy } from '../policies/store.ts';

/** `DELETE /v1/orgs/:org/policies/:id`. */
export function deletePolicyRoute(app: HttpApp, parts: PolicyRouteParts): void {
  app.mount(deletePolicy, async ({ params: { org, id }, ...source }) => {
    await changePolicies(parts, source, org, 'policy.delete', async (tx) => {
      const policy = await removePolicy(tx, org, id);
      return { policy, before: policy };
    });
    return undefined;
  });
}
