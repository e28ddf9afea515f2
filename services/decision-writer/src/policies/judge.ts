import { decisionFacts } from '@governsai/cel';
import { effectiveUserId, type Person, type PolicyOutcome } from '@governsai/contracts';
import type { SubmittedDecision } from '../chain.ts';
import { evaluatePolicies, type PolicySet } from './evaluate.ts';

/** What of a submitted decision policies look at. */
export type Judged = Pick<SubmittedDecision, 'data' | 'keyId' | 'receivedAt'>;

/** What an org's policies say of a submitted decision; null when they are silent. Never throws. */
export function judge(
  set: PolicySet,
  submitted: Judged,
  person: Person | null,
  onError: (rule: string, error: unknown) => void,
): PolicyOutcome | null {
  if (set.policies.length === 0) return null;
  const { data } = submitted;
  const facts = decisionFacts(
    {
      direction: data.direction,
      decision: data.decision,
      tool: data.tool ?? null,
      scope: data.scope ?? null,
      correlationId: data.correlationId ?? null,
      tags: data.tags ?? [],
      latencyMs: data.latencyMs ?? null,
      timestamp: data.ts ?? submitted.receivedAt,
    },
    { userId: effectiveUserId(person), keyId: submitted.keyId, usage: data.usage ?? null },
  );
  return evaluatePolicies(set, facts, onError);
}
