import type { DecisionView } from './decision.ts';
import type { ChainRecord } from './record.ts';

/**
 * A stored decision as it is pushed and listed, made from its link of the chain and that link's hash. The one place that
 * maps them: live pushes (written by decision-writer) and resumed ones (read by push-gateway) cannot differ.
 */
export function decisionViewOf(record: ChainRecord, hash: string): DecisionView {
  return {
    id: record.id,
    orgId: record.orgId,
    direction: record.direction,
    decision: record.decision,
    tool: record.tool ?? null,
    scope: record.scope ?? null,
    correlationId: record.correlationId ?? null,
    tags: record.tags ?? [],
    latencyMs: record.latencyMs ?? null,
    timestamp: record.ts,
    ...(record.policy && { policy: record.policy }),
    hash,
  };
}
