import { z } from 'zod';
import { decisionDataSchema, decisionView, usage } from './decision.ts';
import { decisionId, externalId, orgId, seq, sha256Hex, timestamp } from './identifiers.ts';
import { UNLIMITED } from './limits.ts';

const submission = z.object({
  orgId,
  decisionId,
  idempotencyKey: z.string(),
  bodyHash: sha256Hex,
  keyId: externalId.nullable().describe('The API key that submitted it; null for a session.'),
  userId: externalId.nullable().describe('The user of that credential.'),
  receivedAt: timestamp,
});

/** An accepted INGEST on its way to the writer. Its data is normalized, without nulls and never with raw text. */
export const decisionsSubmitted = z
  .discriminatedUnion('schema', [
    // The gateway has applied its configured limits; the writer must not apply others.
    submission.extend({ schema: z.literal('decision.v1'), data: decisionDataSchema(UNLIMITED) }),
    submission.extend({ schema: z.enum(['toolcall.v1', 'dlq.v1']), data: z.record(z.string(), z.unknown()) }),
  ])
  .meta({ id: 'DecisionsSubmitted' });
export type DecisionsSubmitted = z.infer<typeof decisionsSubmitted>;

/** A stored decision. What readers need beyond the view: who and how much. */
export const decisionsRecorded = z
  .object({
    seq,
    decision: decisionView,
    userId: z.string().nullable(),
    keyId: z.string().nullable(),
    usage: usage.nullable(),
    receivedAt: timestamp,
    recordedAt: timestamp,
  })
  .meta({ id: 'DecisionsRecorded' });
export type DecisionsRecorded = z.infer<typeof decisionsRecorded>;

/** The state of one budget after a change. Amounts are decimal strings. A lower version than one seen is dropped. */
export const budgetsChanged = z
  .object({
    orgId,
    budgetId: z.string(),
    version: z.int().positive(),
    scope: z.record(z.string(), z.string()),
    limit: z.string(),
    used: z.string(),
    held: z.string(),
    remaining: z.string(),
    percentUsed: z.number(),
    unit: z.enum(['currency', 'tokens', 'calls']),
    currency: z.string().nullable(),
    period: z.string(),
    updatedAt: timestamp,
  })
  .meta({ id: 'BudgetsChanged' });
export type BudgetsChanged = z.infer<typeof budgetsChanged>;

/** A notification stored for one user. */
export const notificationsRaised = z
  .object({
    orgId,
    userId: externalId,
    seq,
    notification: z.looseObject({
      id: z.string(),
      kind: z.string(),
      severity: z.enum(['info', 'warning', 'critical']),
      title: z.string(),
      body: z.string(),
      timestamp,
    }),
  })
  .meta({ id: 'NotificationsRaised' });
export type NotificationsRaised = z.infer<typeof notificationsRaised>;

/** Who may do what has changed in an org, or auth is alive (`orgId` null, every 250 ms). */
export const accessChanged = z
  .object({
    /** Grows with every change of any org. An answer of an older version is not to be cached. */
    version: z.int().nonnegative(),
    /** Null: a heartbeat, nothing changed. */
    orgId: orgId.nullable(),
    /** The key that changed; null: anything of the org may have. */
    keyId: z.string().nullable(),
    at: timestamp,
  })
  .meta({ id: 'AccessChanged' });
export type AccessChanged = z.infer<typeof accessChanged>;

/** Something an auditor may ask about. Never a secret. */
export const auditRecorded = z
  .object({
    id: z.string(),
    orgId,
    actor: z.object({ userId: z.string().nullable(), keyId: z.string().nullable(), service: z.string().nullable() }),
    action: z.string().describe('What was done, dotted: `key.create`, `auth.failed`.'),
    target: z.string().nullable(),
    result: z.enum(['ok', 'refused', 'failed']),
    ip: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
    at: timestamp,
  })
  .meta({ id: 'AuditRecorded' });
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
