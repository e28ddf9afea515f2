import { randomBytes } from 'node:crypto';
import { AppError, createPolicy } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import { changePolicies, type PolicyRouteParts } from '../policies/change.ts';
import { compilePolicy } from '../policies/evaluate.ts';
import { countPolicies, insertPolicy } from '../policies/store.ts';

/** `POST /v1/orgs/:org/policies`. */
export function createPolicyRoute(app: HttpApp, parts: PolicyRouteParts): void {
  app.mount(createPolicy, async ({ params: { org }, body, ...source }) => {
    const id = `pol_${randomBytes(12).toString('hex')}`;
    compilePolicy({ id, userId: body.userId ?? null, rules: body.rules });
    return changePolicies(parts, source, org, 'policy.create', async (tx, now) => {
      if ((await countPolicies(tx, org)) >= parts.maxPolicies) {
        const message = `org ${org} has ${parts.maxPolicies} policies, the most it may have: delete one, or raise MAX_POLICIES`;
        throw new AppError('CONFLICT', message);
      }
      return { policy: await insertPolicy(tx, org, id, body, now), before: null };
    });
  });
}
