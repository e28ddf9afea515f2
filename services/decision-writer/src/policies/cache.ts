import type { Person, PolicyOutcome } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import type { Logger } from '@governsai/service';
import { LRUCache } from 'lru-cache';
import type { SubmittedDecision } from '../chain.ts';
import { countConditionError } from '../metrics.ts';
import { compilePolicies, type PolicySet, type StoredPolicy } from './evaluate.ts';
import { judge } from './judge.ts';

const MAX_ORGS = 10_000;

/** An org and the version of its policies, as its locked chain head says. */
interface Versioned {
  /** 0: the org has never had a policy. */
  policyVersion: number;
}

/** The compiled policies of orgs, each as of the version that the org's chain head carries. */
export class PolicyCache {
  private readonly sets = new LRUCache<string, PolicySet>({ max: MAX_ORGS });

  constructor(private readonly log: Logger) {}

  /**
   * The policies of those heads that have any. Reads only what changed since it was last read; because the heads are
   * locked by `tx`, what it reads is what their version means.
   */
  async forHeads(tx: Sql, heads: ReadonlyMap<string, Versioned>): Promise<ReadonlyMap<string, PolicySet>> {
    const found = new Map<string, PolicySet>();
    const changed: string[] = [];
    for (const [orgId, { policyVersion }] of heads) {
      if (policyVersion === 0) continue;
      const set = this.sets.get(orgId);
      if (set?.version === policyVersion) found.set(orgId, set);
      else changed.push(orgId);
    }
    if (changed.length === 0) return found;
    const policies = await enabledPolicies(tx, changed);
    for (const orgId of changed) {
      const version = heads.get(orgId)?.policyVersion ?? 0;
      const set = this.compile(orgId, version, policies.get(orgId) ?? []);
      this.sets.set(orgId, set);
      found.set(orgId, set);
    }
    return found;
  }

  /** What an org's policies say of a decision. A condition that fails for it is counted, and matches nothing. */
  judge(
    policies: ReadonlyMap<string, PolicySet>,
    submitted: SubmittedDecision,
    person: Person | null,
  ): PolicyOutcome | null {
    const set = policies.get(submitted.orgId);
    return set ? judge(set, submitted, person, countConditionError) : null;
  }

  // Each was compiled before it was saved; one that this release no longer takes must not stop the recording.
  private compile(orgId: string, version: number, policies: readonly StoredPolicy[]): PolicySet {
    const compiled = policies.flatMap((policy) => {
      try {
        return compilePolicies(version, [policy]).policies;
      } catch (error) {
        this.log.error(
          { err: error, orgId, policy: policy.id },
          'a stored policy is not applied; save it again to see why',
        );
        return [];
      }
    });
    return { version, policies: compiled };
  }
}

/** The enabled policies of orgs, oldest first. */
export async function enabledPolicies(tx: Sql, orgIds: readonly string[]): Promise<Map<string, StoredPolicy[]>> {
  const rows = await tx.query<{ org_id: string; id: string; user_id: string | null; rules: StoredPolicy['rules'] }>(
    `SELECT org_id, id, user_id, rules FROM policies WHERE org_id = ANY($1::text[]) AND enabled ORDER BY created_at, id`,
    [orgIds],
  );
  const policies = new Map<string, StoredPolicy[]>();
  for (const row of rows) {
    const ofOrg = policies.get(row.org_id) ?? [];
    ofOrg.push({ id: row.id, userId: row.user_id, rules: row.rules });
    policies.set(row.org_id, ofOrg);
  }
  return policies;
}
