import { dryRunPolicies, type Person } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { enabledPolicies } from '../policies/cache.ts';
import { compilePolicies, type StoredPolicy } from '../policies/evaluate.ts';
import { judge } from '../policies/judge.ts';

/** `POST /v1/orgs/:org/policies/dry-run`: what would be recorded as `policy`; nothing is stored. */
export function dryRunPoliciesRoute(app: HttpApp, db: Database): void {
  app.mount(dryRunPolicies, async ({ params: { org }, body, principal }) => {
    const { version, policies } = body.rules
      ? { version: 1, policies: [{ id: 'dry-run', userId: null, rules: body.rules }] }
      : await current(db, org);
    const errors: string[] = [];
    const decision = { data: body.data, keyId: principal?.keyId ?? null, receivedAt: new Date().toISOString() };
    const person: Person = {
      userId: body.data.userId ?? undefined,
      authUserId: body.data.authentication?.userId ?? undefined,
      keyUserId: principal?.userId ?? undefined,
    };
    const outcome = judge(compilePolicies(version, policies), decision, person, (rule, error) => {
      errors.push(`${rule}: ${error instanceof Error ? error.message : String(error)}`);
    });
    return { outcome, errors };
  });
}

async function current(db: Database, orgId: string): Promise<{ version: number; policies: StoredPolicy[] }> {
  return db.transaction([orgId], async (tx) => {
    const [head] = await tx.query<{ policy_version: number }>(
      'SELECT policy_version FROM org_chains WHERE org_id = $1',
      [orgId],
    );
    return { version: head?.policy_version ?? 0, policies: (await enabledPolicies(tx, [orgId])).get(orgId) ?? [] };
  });
}
