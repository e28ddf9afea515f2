import type { DecisionsRecorded } from '@governsai/contracts';
import type { Budget } from './domain/budget.ts';
import { parseDecimal } from './domain/decimal.ts';
import type { Recorded } from './domain/recorded.ts';

/** A budget of 100 USD for all of the org `acme`, but for what is given. */
export function sampleBudget(given: Partial<Budget> = {}): Budget {
  return {
    id: 'bud_sample',
    orgId: 'acme',
    name: 'Sample',
    limit: parseDecimal('100'),
    unit: 'currency',
    currency: 'USD',
    period: 'total',
    timeZone: 'UTC',
    hard: false,
    scope: {},
    thresholds: [50, 80, 95, 100],
    fromSeq: 1,
    ...given,
  };
}

/** A decision of `acme` that used nothing, but for what is given. */
export function sampleRecorded(given: Partial<Recorded> = {}): Recorded {
  return {
    orgId: 'acme',
    seq: 1,
    decisionId: sampleDecisionId(given.seq ?? 1),
    decision: 'allow',
    tool: null,
    tags: [],
    userId: null,
    keyId: null,
    model: null,
    currency: null,
    cost: null,
    inputTokens: 0,
    outputTokens: 0,
    receivedAt: Date.parse('2026-03-04T05:06:07.000Z'),
    ...given,
  };
}

/** The event of a decision of an org that cost `cost` USD. */
export function sampleEvent(orgId: string, seq: number, cost: string): DecisionsRecorded {
  const at = '2026-03-04T05:06:07.000Z';
  return {
    seq,
    decision: {
      id: sampleDecisionId(seq),
      orgId,
      direction: 'postcheck',
      decision: 'allow',
      tool: 'web.fetch',
      scope: null,
      correlationId: null,
      tags: ['production'],
      latencyMs: 12,
      timestamp: at,
      hash: 'a'.repeat(64),
    },
    userId: 'user-1',
    keyId: 'key-1',
    usage: { cost, currency: 'USD', model: 'm-1', inputTokens: 10, outputTokens: 5 },
    receivedAt: at,
    recordedAt: at,
  };
}

function sampleDecisionId(seq: number): string {
  return `dec_${seq.toString(16).padStart(32, '0')}`;
}
