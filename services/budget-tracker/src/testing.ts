import type { DecisionsRecorded } from '@governsai/contracts';
import type { Budget } from './domain/budget.ts';
import { parseDecimal } from './domain/decimal.ts';
import type { Hold } from './domain/hold.ts';
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
    periods: { kind: 'total', timeZone: 'UTC', anchor: null },
    hard: false,
    carryOver: false,
    startsAt: null,
    endsAt: null,
    scope: {},
    condition: null,
    thresholds: [50, 80, 95, 100],
    forecast: false,
    fromSeq: 1,
    revision: 1,
    createdAt: Date.parse('2026-01-01T00:00:00.000Z'),
    ...given,
  };
}

/** A decision of `acme` that used nothing, but for what is given. */
export function sampleRecorded(given: Partial<Recorded> = {}): Recorded {
  const { decision } = sampleEvent('acme', given.seq ?? 1, '0');
  const [view, at] = [{ ...decision, tool: null, tags: [] }, Date.parse(decision.timestamp)];
  return {
    orgId: 'acme',
    seq: 1,
    decisionId: decision.id,
    view,
    decision: 'allow',
    tool: null,
    tags: [],
    correlationId: null,
    userId: null,
    keyId: null,
    model: null,
    provider: null,
    currency: null,
    cost: null,
    priceId: null,
    inputTokens: 0,
    outputTokens: 0,
    holdId: null,
    hasUsage: false,
    at,
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

/** An open hold of `acme` that holds nothing, but for what is given. */
export function sampleHold(given: Partial<Hold> = {}): Hold {
  return {
    id: 'hold_sample',
    orgId: 'acme',
    status: 'open',
    tool: null,
    correlationId: null,
    lines: [],
    decisionId: null,
    createdAt: Date.parse('2026-03-04T05:00:00.000Z'),
    ...given,
  };
}
