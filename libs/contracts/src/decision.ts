import { z } from 'zod';
import { externalId, orgId, timestamp } from './identifiers.ts';
import { DEFAULT_LIMITS, type MessageLimits } from './limits.ts';
import { costInput, currency } from './money.ts';
import { policyOutcome } from './policy.ts';
import { jsonObject, text } from './text.ts';

export const direction = z
  .enum(['precheck', 'postcheck'])
  .meta({ id: 'Direction', description: 'Whether it was decided before or after the call.' });
export const decisionOutcome = z
  .enum(['allow', 'transform', 'deny', 'redact', 'block', 'confirm'])
  .meta({ id: 'DecisionOutcome', description: 'What was decided.' });

/** Schemas an INGEST may name. Only `decision.v1` has a seq and is pushed; the others are stored as events. */
export const INGEST_SCHEMAS = ['decision.v1', 'toolcall.v1', 'dlq.v1'] as const;
export const ingestSchema = z.enum(INGEST_SCHEMAS).meta({
  id: 'IngestSchema',
  description: 'What `data` is. Only decision.v1 has a seq and is pushed; the others are stored as events.',
});
export type IngestSchema = z.infer<typeof ingestSchema>;

/** Fields that hold what a person or a model wrote. Dropped at the door unless the org keeps raw text (G12). */
export const RAW_TEXT_FIELDS = ['rawText', 'rawTextOut', 'payloadOut'] as const;

/** The raw text of one decision, as it came: any JSON. */
export const rawTexts = z.object({
  rawText: z.unknown().optional(),
  rawTextOut: z.unknown().optional(),
  payloadOut: z.unknown().optional(),
} satisfies Record<(typeof RAW_TEXT_FIELDS)[number], z.ZodType>);
export type RawTexts = z.infer<typeof rawTexts>;

// RFC 3339; also without an offset (UTC then) and with any number of fractional digits.
const TIME = /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

// The form this system writes, which most clients write as well.
const OWN_FORM = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The instant a client's time means, as RFC 3339 UTC with milliseconds; null when it is no time we can store. */
function instant(value: string): string | null {
  if (OWN_FORM.test(value)) {
    const parsed = new Date(value);
    // A day or an hour that does not exist would come back as another one.
    if (!Number.isNaN(parsed.getTime()) && parsed.toISOString() === value) return value;
  }
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
export const clientTimestamp = z
  .string()
  .transform((value, context) => {
    const utc = instant(value);
    if (utc !== null) return utc;
    context.addIssue({ code: 'custom', message: 'must be an RFC 3339 time such as "2026-01-01T00:00:00Z"' });
    return z.NEVER;
  })
  .pipe(timestamp);

const tokens = z.int().nonnegative();

/** What the decided call cost. */
export const usage = z
  .object({
    cost: costInput.nullish(),
    currency: currency.nullish().describe('Currency of `cost`, ISO 4217.'),
    model: text(256).nullish().describe('The model that was called.'),
    provider: text(256).nullish().describe('Who serves the model.'),
    inputTokens: tokens.nullish(),
    outputTokens: tokens.nullish(),
    holdId: text(64, 1)
      .nullish()
      .describe('The hold it was spent under; absent: the oldest one with its correlationId and tool.'),
  })
  .meta({ id: 'Usage', description: 'What the decided call cost.' });
export type Usage = z.infer<typeof usage>;

/** `decision.v1` data as a client sends it; parsing drops unknown and raw-text fields and normalizes times and amounts. */
export function decisionDataSchema(limits: MessageLimits = DEFAULT_LIMITS) {
  return z.object({
    orgId: orgId.nullish().describe("The connection's own org; null or absent means that."),
    direction,
    decision: decisionOutcome,
    tool: text(1024).nullish().describe('The tool the agent called.'),
    scope: text(8192).nullish().describe('What the tool was called on: a URL, a path, a table.'),
    payloadHash: z
      .string()
      .regex(/^sha256:[\x21-\x7e]{1,256}$/, 'must be "sha256:" and 1 to 256 printable characters')
      .nullish()
      .describe('Hash of the payload that was decided about.'),
    latencyMs: z.number().nonnegative().nullish().describe('How long the decision took, in milliseconds.'),
    correlationId: text(256).nullish().describe("The producer's own id of the request; ties precheck to postcheck."),
    tags: z.array(text(limits.tagLength)).max(limits.tags).nullish().describe('Free labels to filter and budget by.'),
    ts: clientTimestamp
      .nullish()
      .describe('When the decision was taken, RFC 3339; without an offset it is UTC. Absent: when it was received.'),
    reasons: z.array(text(1024)).max(256).nullish().describe('Why it was decided so.'),
    detectorSummary: jsonObject.nullish().describe('What the detectors found; any object.'),
    policyId: externalId.nullish().describe('The policy that decided.'),
    userId: externalId.nullish().describe('Whom the decision is about.'),
    authentication: z
      .object({ userId: externalId.nullish(), apiKeyId: externalId.nullish() })
      .nullish()
      .describe('Who called the producer, and with which key (its id, never the key).'),
    usage: usage.nullish(),
  });
}

export const decisionData = decisionDataSchema().meta({
  id: 'DecisionData',
  description:
    'Data of decision.v1. Unknown fields are ignored; rawText, rawTextOut and payloadOut are dropped unless the org keeps raw text.',
});
export type DecisionData = z.infer<typeof decisionData>;

/** A decision as it is pushed and listed. */
export const decisionView = z
  .object({
    id: z.string().describe('The decisionId.'),
    orgId: z.string(),
    direction,
    decision: decisionOutcome,
    tool: z.string().nullable().describe('The tool the agent called.'),
    scope: z.string().nullable().describe('What the tool was called on.'),
    correlationId: z.string().nullable().describe("The producer's own id of the request."),
    tags: z.array(z.string()),
    latencyMs: z.number().nullable().describe('How long the decision took, in milliseconds.'),
    timestamp: z.string().describe('When the decision was taken: `ts`, else when it was received.'),
    policy: policyOutcome.optional(),
    hash: z.string().describe('SHA-256 of the record in the chain, hex.'),
  })
  .meta({ id: 'DecisionView', description: 'A stored decision as it is pushed and listed.' });
export type DecisionView = z.infer<typeof decisionView>;
