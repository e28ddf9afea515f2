import type { Policy } from '@governsai/contracts';
import { type Database, outboxAppend, type Sql } from '@governsai/db';
import { type AuditSource, auditEvent } from '@governsai/service';
import { movePolicyVersion } from './store.ts';

/** What a route that changes policies needs. */
export interface PolicyRouteParts {
  db: Database;
  /** Policies of one org at most: each decision is judged by all of them. */
  maxPolicies: number;
  /** Called when events wait in the outbox. */
  wake: () => void;
}

/**
 * Changes an org's policies: its version, the change itself and the audit of it in one transaction. Writers judge by the
 * changed policies from their next batch.
 */
export async function changePolicies(
  { db, wake }: PolicyRouteParts,
  source: AuditSource,
  orgId: string,
  action: string,
  change: (tx: Sql, now: string) => Promise<{ policy: Policy; before: Policy | null }>,
): Promise<Policy> {
  const policy = await db.transaction([orgId], async (tx) => {
    await movePolicyVersion(tx, orgId);
    const changed = await change(tx, new Date().toISOString());
    const detail = { before: changed.before, after: action === 'policy.delete' ? null : changed.policy };
    await outboxAppend(tx, 'decision-writer', [
      auditEvent(source, { orgId, action, target: changed.policy.id, detail }),
    ]);
    return changed.policy;
  });
  wake();
  return policy;
}
