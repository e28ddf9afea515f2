import type { DecisionView, Usage } from '@governsai/contracts';

/**
 * What a condition may ask of a decision. Text that the decision does not say is `""` and a number `0.0`, so that
 * `tool.startsWith("web.")` needs no check for absence; `has(…)` is not needed. Amounts are doubles here: good for
 * comparing, never for adding up.
 */
export interface DecisionFacts {
  direction: string;
  decision: string;
  tool: string;
  scope: string;
  correlationId: string;
  tags: readonly string[];
  latencyMs: number;
  timestamp: Date;
  userId: string;
  keyId: string;
  usage: { cost: number; currency: string; model: string; provider: string; inputTokens: number; outputTokens: number };
}

/** The facts of a decision, with whom it counts for and what it cost where that is known. */
export function decisionFacts(
  view: Pick<
    DecisionView,
    'direction' | 'decision' | 'tool' | 'scope' | 'correlationId' | 'tags' | 'latencyMs' | 'timestamp'
  >,
  more: { userId?: string | null; keyId?: string | null; usage?: Partial<Usage> | null } = {},
): DecisionFacts {
  const { usage } = more;
  return {
    direction: view.direction,
    decision: view.decision,
    tool: view.tool ?? '',
    scope: view.scope ?? '',
    correlationId: view.correlationId ?? '',
    tags: view.tags,
    latencyMs: view.latencyMs ?? 0,
    timestamp: new Date(view.timestamp),
    userId: more.userId ?? '',
    keyId: more.keyId ?? '',
    usage: {
      cost: Number(usage?.cost ?? 0),
      currency: usage?.currency ?? '',
      model: usage?.model ?? '',
      provider: usage?.provider ?? '',
      inputTokens: usage?.inputTokens ?? 0,
      outputTokens: usage?.outputTokens ?? 0,
    },
  };
}
