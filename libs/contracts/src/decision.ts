import { z } from 'zod';
import { externalId, orgId } from './identifiers.ts';
import { DEFAULT_LIMITS, type MessageLimits } from './limits.ts';
import { costInput, currency } from './money.ts';
import { text } from './text.ts';

export const direction = z.enum(['precheck', 'postcheck']);
export const decisionOutcome = z.enum(['allow', 'transform', 'deny', 'redact', 'block', 'confirm']);

/** Schemas an INGEST may name. Only `decision.v1` has a seq and is pushed; the others are stored as events. */
export const INGEST_SCHEMAS = ['decision.v1', 'toolcall.v1', 'dlq.v1'] as const;
export const ingestSchema = z.enum(INGEST_SCHEMAS);
export type IngestSchema = z.infer<typeof ingestSchema>;

/** Fields that hold what a person or a model wrote. Dropped at the door unless the org keeps raw text (G12). */
export const RAW_TEXT_FIELDS = ['rawText', 'rawTextOut', 'payloadOut'] as const;

// RFC 3339; also without an offset (UTC then) and with any number of fractional digits.
const TIME = /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/** The instant a client's time means, as RFC 3339 UTC with milliseconds; null when it is no time we can store. */
function instant(value: string): string | null {
  const [, date, time, fraction = '', offset = 'Z'] = TIME.exec(value.toUpperCase()) ?? [];
  if (date === undefined) return null;
  // Date.parse takes 30 February for 2 March: a day that comes back as another one is none.
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return null;
  const utc = new Date(`${date}T${time}${fraction.slice(0, 4)}${offset}`).toISOString();
  // PostgreSQL has no year 0, and years of more than four digits are not RFC 3339.
  return /^\d{4}-/.test(utc) && !utc.startsWith('0000') ? utc : null;
}

/** A time as the client wrote it → RFC 3339 UTC with milliseconds; finer digits are cut off. */
export const clientTimestamp = z.string().transform((value, context) => {
  const utc = instant(value);
  if (utc !== null) return utc;
  context.addIssue({ code: 'custom', message: 'must be an RFC 3339 time such as "2026-01-01T00:00:00Z"' });
  return z.NEVER;
});

const tokens = z.int().nonnegative();

/** What the decided call cost. */
export const usage = z.object({
  cost: costInput.nullish().describe('Decimal string of at most 12 places; a number is taken too.'),
  currency: currency.nullish(),
  model: text(256).nullish(),
  provider: text(256).nullish(),
  inputTokens: tokens.nullish(),
  outputTokens: tokens.nullish(),
});
export type Usage = z.infer<typeof usage>;

/** `decision.v1` data as a client sends it; parsing drops unknown and raw-text fields and normalizes times and amounts. */
export function decisionDataSchema(limits: MessageLimits = DEFAULT_LIMITS) {
  return z.object({
    orgId: orgId.nullish(),
    direction,
    decision: decisionOutcome,
    tool: text(1024).nullish(),
    scope: text(8192).nullish(),
    payloadHash: z
      .string()
      .regex(/^sha256:[\x21-\x7e]{1,256}$/, 'must be "sha256:" and 1 to 256 printable characters')
      .nullish(),
    latencyMs: z.number().nonnegative().nullish(),
    correlationId: text(256).nullish(),
    tags: z.array(text(limits.tagLength)).max(limits.tags).nullish(),
    ts: clientTimestamp.nullish(),
    reasons: z.array(text(1024)).max(256).nullish(),
    detectorSummary: z.record(z.string(), z.unknown()).nullish(),
    policyId: externalId.nullish(),
    userId: externalId.nullish(),
    authentication: z.object({ userId: externalId.nullish(), apiKeyId: externalId.nullish() }).nullish(),
    usage: usage.nullish(),
  });
}

export const decisionData = decisionDataSchema().meta({ id: 'DecisionData' });
export type DecisionData = z.infer<typeof decisionData>;

/** A decision as it is pushed and listed. */
export const decisionView = z
  .object({
    id: z.string(),
    orgId: z.string(),
    direction,
    decision: decisionOutcome,
    tool: z.string().nullable(),
    scope: z.string().nullable(),
    correlationId: z.string().nullable(),
    tags: z.array(z.string()),
    latencyMs: z.number().nullable(),
    timestamp: z.string().describe('When the decision was taken: `ts`, else when it was received.'),
    policy: z.object({ version: z.int(), matched: z.array(z.string()), effect: z.string() }).optional(),
    hash: z.string().describe('SHA-256 of the record in the chain, hex.'),
  })
  .meta({ id: 'DecisionView' });
export type DecisionView = z.infer<typeof decisionView>;
