import { z } from 'zod';
import { decisionDataSchema, decisionView, rawTexts, usage } from './decision.ts';
import { decisionId, externalId, orgId, seq, sha256Hex, timestamp } from './identifiers.ts';
import { UNLIMITED } from './limits.ts';
import { notification } from './server-messages.ts';
import { jsonObject } from './text.ts';

// The gateway has applied its configured limits; the writer must not apply others.
const submittedDecision = decisionDataSchema(UNLIMITED).meta({
  id: 'SubmittedDecision',
  description: 'Data of decision.v1 with times and amounts normalized, without nulls and raw text.',
});

const submission = z.object({
  orgId,
  decisionId,
  idempotencyKey: z.string().describe('As the producer sent it.'),
  bodyHash: sha256Hex.describe('SHA-256 of the RFC 8785 form of its data without nulls and raw text: "same body".'),
  keyId: externalId.nullable().describe('The API key that submitted it; null for a session.'),
  userId: externalId.nullable().describe('The user of that credential.'),
  receivedAt: timestamp.describe('When the gateway received it.'),
  rawText: rawTexts
    .optional()
    .describe('The raw text fields, for an org that keeps them: stored apart from everything else.'),
});

/** An accepted INGEST on its way to the writer. Its data is normalized, without nulls and never with raw text. */
export const decisionsSubmitted = z
  .discriminatedUnion('schema', [
    submission.extend({ schema: z.literal('decision.v1'), data: submittedDecision }),
    submission.extend({ schema: z.enum(['toolcall.v1', 'dlq.v1']), data: jsonObject }),
  ])
  .meta({ id: 'DecisionsSubmitted', description: 'An accepted INGEST on its way to storage.' });
export type DecisionsSubmitted = z.infer<typeof decisionsSubmitted>;

/** A stored decision. What readers need beyond the view: who and how much. */
export const decisionsRecorded = z
  .object({
    seq,
    decision: decisionView,
    userId: z.string().nullable().describe('The user it counts for.'),
    keyId: z.string().nullable().describe('The API key that submitted it; null for a session.'),
    usage: usage.nullable(),
    receivedAt: timestamp.describe('When the gateway received it.'),
    recordedAt: timestamp.describe('When the writer stored it.'),
  })
  .meta({
    id: 'DecisionsRecorded',
    description: 'A stored decision, with what readers need beyond its view: who and how much.',
  });
export type DecisionsRecorded = z.infer<typeof decisionsRecorded>;

/** The state of one budget after a change. Amounts are decimal strings. A lower version than one seen is dropped. */
export const budgetsChanged = z
  .object({
    orgId,
    budgetId: z.string(),
    version: z.int().positive().describe('Grows with every change; a lower one than seen is dropped.'),
    scope: z.record(z.string(), z.string()).describe('What the budget is about; empty for the whole org.'),
    limit: z.string().describe('The most that may be used in this period, with what was carried over into it.'),
    used: z.string().describe('Booked in the current period.'),
    held: z.string().describe('Reserved by open holds.'),
    remaining: z.string().describe('limit - used - held; negative after an overrun.'),
    percentUsed: z.number().describe('`used` of `limit`, in percent.'),
    unit: z.enum(['currency', 'tokens', 'calls']),
    currency: z.string().nullable().describe('Null but for the unit `currency`.'),
    period: z.string().describe('After which time it starts again at zero; `total` for never.'),
    periodStart: timestamp.nullish().describe('Null for `total`.'),
    periodEnd: timestamp.nullish().describe('Null for `total`.'),
    updatedAt: timestamp,
  })
  .meta({
    id: 'BudgetsChanged',
    description: 'The state of one budget after a change. Amounts are decimal strings.',
  });
export type BudgetsChanged = z.infer<typeof budgetsChanged>;

/** A notification stored for one user. */
export const notificationsRaised = z
  .object({
    orgId,
    userId: externalId,
    seq,
    notification,
  })
  .meta({ id: 'NotificationsRaised', description: 'A notification stored for one user.' });
export type NotificationsRaised = z.infer<typeof notificationsRaised>;

/** Who may do what has changed in an org, or auth is alive (`orgId` null, every 250 ms). */
export const accessChanged = z
  .object({
    version: z
      .int()
      .nonnegative()
      .describe('Grows with every change of any org; an answer of an older version is not to be cached.'),
    orgId: orgId.nullable().describe('Null: a heartbeat, nothing changed.'),
    keyId: z.string().nullable().describe('The key that changed; null: anything of the org may have.'),
    userId: z.string().optional().describe('Without a key: only what speaks for this user may have changed.'),
    sessionId: z.string().optional().describe('Without a key: only this session has changed.'),
    at: timestamp,
  })
  .meta({ id: 'AccessChanged', description: 'Who may do what has changed in an org, or auth is alive.' });
export type AccessChanged = z.infer<typeof accessChanged>;

/** Something an auditor may ask about. Never a secret. */
export const auditRecorded = z
  .object({
    id: z.string(),
    orgId,
    actor: z.object({ userId: z.string().nullable(), keyId: z.string().nullable(), service: z.string().nullable() }),
    action: z.string().describe('What was done, dotted: `key.create`, `auth.failed`.'),
    target: z.string().nullable().describe('What it was done to: the id of a key, a member, a budget.'),
    result: z.enum(['ok', 'refused', 'failed']),
    ip: z.string().nullable().describe('Where the request came from.'),
    detail: jsonObject.describe('More, by the kind of action. Never a secret.'),
    at: timestamp,
  })
  .meta({ id: 'AuditRecorded', description: 'Something an auditor may ask about.' });
export type AuditRecorded = z.infer<typeof auditRecorded>;

export type ServiceName = 'auth' | 'ingest-gateway' | 'decision-writer' | 'budget-tracker' | 'push-gateway';
export const SERVICES: readonly ServiceName[] = [
  'auth',
  'ingest-gateway',
  'decision-writer',
  'budget-tracker',
  'push-gateway',
];

interface TopicDefinition {
  /** Version of the value's schema, sent as the header `schema`. */
  schema: string;
  value: z.ZodType;
  /** How long messages are kept. */
  retentionMs: number;
  writers: readonly ServiceName[];
  readers: readonly ServiceName[];
  summary: string;
}

const DAY = 24 * 60 * 60 * 1000;

/** Every topic, by its name without the configurable prefix. The key is always the orgId. */
export const TOPICS = {
  'decisions.submitted': {
    schema: 'decisions.submitted.v1',
    value: decisionsSubmitted,
    retentionMs: 14 * DAY,
    writers: ['ingest-gateway'],
    readers: ['decision-writer'],
    summary: 'Accepted decisions and events on their way to storage.',
  },
  'decisions.recorded': {
    schema: 'decisions.recorded.v1',
    value: decisionsRecorded,
    retentionMs: 7 * DAY,
    writers: ['decision-writer'],
    readers: ['budget-tracker', 'push-gateway'],
    summary: 'Stored decisions in the order of their seq.',
  },
  'budgets.changed': {
    schema: 'budgets.changed.v1',
    value: budgetsChanged,
    retentionMs: DAY,
    writers: ['budget-tracker'],
    readers: ['push-gateway'],
    summary: 'The state of a budget after each change.',
  },
  'notifications.raised': {
    schema: 'notifications.raised.v1',
    value: notificationsRaised,
    retentionMs: DAY,
    writers: ['budget-tracker', 'decision-writer'],
    readers: ['push-gateway'],
    summary: 'Notifications stored for a user.',
  },
  'access.changed': {
    schema: 'access.changed.v1',
    value: accessChanged,
    retentionMs: DAY,
    writers: ['auth'],
    readers: ['ingest-gateway', 'push-gateway', 'decision-writer', 'budget-tracker'],
    summary: 'Changes of keys, members and orgs; and the heartbeat of auth.',
  },
  'audit.recorded': {
    schema: 'audit.recorded.v1',
    value: auditRecorded,
    retentionMs: 14 * DAY,
    writers: SERVICES,
    readers: ['auth'],
    summary: 'What was done by whom.',
  },
} as const satisfies Record<string, TopicDefinition>;

export type TopicName = keyof typeof TOPICS;
export type TopicValue<T extends TopicName> = z.infer<(typeof TOPICS)[T]['value']>;
export const TOPIC_NAMES = Object.keys(TOPICS) as TopicName[];

/** Where a consumer puts a message it gave up on. */
export function deadLetterTopic(topic: TopicName): string {
  return `${topic}.dead`;
}
