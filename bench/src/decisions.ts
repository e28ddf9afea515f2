import { createHash } from 'node:crypto';

const TOOLS = ['web.fetch', 'db.query', 'mail.send', 'payments.refund'];
const MODELS = ['gpt-5-mini', 'claude-sonnet', 'llama-4'];
const OUTCOMES = ['allow', 'allow', 'allow', 'redact', 'deny'];

/** The data of a decision as a gateway of AI agents writes it: some 600 bytes of JSON, every field that is often used. */
export function decisionData(index: number): Record<string, unknown> {
  const outcome = OUTCOMES[index % OUTCOMES.length];
  return {
    direction: index % 2 === 0 ? 'precheck' : 'postcheck',
    decision: outcome,
    tool: TOOLS[index % TOOLS.length],
    scope: `https://api.example.com/v1/customers/${index % 977}`,
    payloadHash: `sha256:${createHash('sha256').update(String(index)).digest('hex')}`,
    latencyMs: 3 + (index % 40),
    correlationId: `req-${index}`,
    tags: ['production', `team-${index % 7}`],
    ts: new Date().toISOString(),
    reasons: outcome === 'allow' ? [] : ['pii.email'],
    detectorSummary: { reasons: [], confidence: 0.97, piiDetected: outcome !== 'allow' },
    policyId: `policy-${index % 5}`,
    userId: `user-${index % 50}`,
    usage: {
      cost: `0.00${100 + (index % 900)}`,
      currency: 'USD',
      model: MODELS[index % MODELS.length],
      provider: 'example',
      inputTokens: 200 + (index % 800),
      outputTokens: 50 + (index % 300),
    },
  };
}

/** One INGEST body. `run` keeps the keys of different runs apart. */
export function ingestBody(run: string, index: number): Record<string, unknown> {
  return { schema: 'decision.v1', idempotencyKey: `${run}-${index}`, data: decisionData(index) };
}
