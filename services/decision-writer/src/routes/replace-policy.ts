import { replacePolicy } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { changePolicies, type PolicyRouteParts } from '../policies/change.ts';
import { compilePolicy } from '../policies/evaluate.ts';
import { readPolicy, updatePolicy } from '../policies/store.ts';

/** `PUT /v1/orgs/:org/policies/:id`. */
export function replacePolicyRoute(app: HttpApp, parts: PolicyRouteParts): void {
  app.mount(replacePolicy, async ({ params: { org, id }, body, ...source }) => {
    compilePolicy({ id, userId: body.userId ?? null, rules: body.rules });
    return changePolicies(parts, source, org, 'policy.update', async (tx, now) => {
      const before = await readPolicy(tx, org, id);
      return { policy: await updatePolicy(tx, org, id, body, now), before };
    });
  });
}
