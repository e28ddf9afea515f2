import { z } from 'zod';
import { type DecisionView, decisionView, ingestSchema } from './decision.ts';
import { errorCode } from './errors.ts';
import { holdResult, holdState } from './http/holds.ts';
import { decisionId, orgId, seq, timestamp } from './identifiers.ts';

export const authSuccess = z
  .object({
    type: z.literal('AUTH_SUCCESS'),
    orgId,
    orgSlug: orgId,
    userId: z.string().nullable().describe('Null for a key that belongs to no user.'),
    timestamp,
  })
  .meta({ id: 'AuthSuccess', description: 'The credential is good; answers AUTH.' });

/** 32 hex digits. */
export const traceId = z
  .string()
  .optional()
  .describe('The trace of this message, where `trace: true` asked for it and this installation traces.');

export const ack = z
  .object({
    type: z.literal('ACK'),
    id: z.string().describe('The idempotencyKey.'),
    decisionId,
    dedup: z.boolean().describe('True only when the decision was there before; false may be a repeat all the same.'),
    schema: ingestSchema,
    timestamp,
    traceId,
  })
  .meta({ id: 'Ack', description: 'Kafka has confirmed the write (G1).' });
export type Ack = z.infer<typeof ack>;

export const subSuccess = z
  .object({
    type: z.literal('SUB_SUCCESS'),
    channels: z.array(z.string()).describe('What was subscribed; the refused ones had an ERROR each.'),
    positions: z.record(z.string(), z.int().nonnegative()).describe('By channel: the last seq before the live stream.'),
  })
  .meta({ id: 'SubSuccess', description: 'Answers SUB.' });

export const unsubSuccess = z
  .object({ type: z.literal('UNSUB_SUCCESS'), channels: z.array(z.string()) })
  .meta({ id: 'UnsubSuccess', description: 'Answers UNSUB.' });

export const pong = z
  .object({
    type: z.literal('PONG'),
    timestamp,
    positions: z
      .record(z.string(), z.int().nonnegative())
      .optional()
      .describe(
        'By channel, for subscriptions with a filter or a tool glob: everything up to this seq that matched has been sent. Resume with it.',
      ),
  })
  .meta({ id: 'Pong', description: "Answers PING with the server's time." });

export const decisionPush = z
  .object({
    type: z.literal('DECISION'),
    channel: z.string().describe('As the SUB named it.'),
    seq,
    data: z
      .union([decisionView, decisionView.partial()])
      .describe('Every member, or those that `fields` of the SUB names.'),
  })
  .meta({ id: 'DecisionPush', description: 'A stored decision, in the order of its seq.' });
/** A push of a subscription without `fields`. */
export type DecisionPush = z.infer<typeof decisionPush> & { data: DecisionView };

export const budgetUpdate = z
  .object({
    type: z.literal('BUDGET_UPDATE'),
    channel: z.string(),
    data: z.object({
      orgId,
      budgetId: z.string().describe('Which budget of the org this is.'),
      scope: z.record(z.string(), z.string()).describe('What the budget is about; empty for the whole org.'),
      budgetRemaining: z.number().describe('budgetTotal - budgetUsed - budgetHeld; negative after an overrun.'),
      budgetUsed: z.number().describe('Booked in the current period.'),
      budgetHeld: z.number().describe('Reserved by open holds.'),
      budgetTotal: z.number().describe('The limit.'),
      percentUsed: z.number().describe('budgetUsed of budgetTotal, in percent; above 100 after an overrun.'),
      currentSpend: z.number().describe('Same as budgetUsed, for the dashboard.'),
      remaining: z.number().describe('Same as budgetRemaining, for the dashboard.'),
      limit: z.number().describe('Same as budgetTotal, for the dashboard.'),
      currency: z.string().nullable().describe('Null for a budget that counts tokens or calls.'),
      period: z.string().describe('After which time it starts again at zero; `total` for never.'),
      version: z.int().describe('Grows with every change; drop a lower one than you have seen.'),
      lastUpdate: timestamp,
    }),
  })
  .meta({
    id: 'BudgetUpdate',
    description:
      'The state of a budget: after each change, and right after SUB_SUCCESS. Amounts are rounded to doubles.',
  });
export type BudgetUpdate = z.infer<typeof budgetUpdate>;

/** What a notification says; more members may come with its kind. */
export const notification = z
  .looseObject({
    id: z.string(),
    kind: z.string().describe('What it is about, for programs: `budget.threshold`.'),
    severity: z.enum(['info', 'warning', 'critical']),
    title: z.string().describe('One line.'),
    body: z.string().describe('What happened and what to do next, for people.'),
    timestamp,
  })
  .meta({ id: 'Notification', description: 'What a notification says; more members may come with its kind.' });

export const notificationPush = z
  .object({
    type: z.literal('NOTIFICATION'),
    channel: z.string(),
    seq,
    data: notification,
  })
  .meta({ id: 'NotificationPush', description: 'Something a user should know, in the order of its seq.' });

export const errorMessage = z
  .object({
    type: z.literal('ERROR'),
    code: errorCode,
    error: errorCode.describe('Same as code, for older clients.'),
    message: z.string().describe('What went wrong and what to do next, for people.'),
    timestamp,
    id: z
      .string()
      .optional()
      .describe('The idempotencyKey of the INGEST or HOLD that failed, or the holdId of the SETTLE or RELEASE.'),
    path: z.string().optional().describe('The field at fault, dotted: `data.usage.cost`.'),
    channel: z.string().optional().describe('The channel at fault.'),
    retryAfterMs: z.int().optional().describe('How long to wait before the same message may succeed, in milliseconds.'),
    firstSeq: z.int().optional().describe('With RESUME_GAP: the first seq that is still there.'),
  })
  .meta({ id: 'ErrorMessage', description: 'Something was refused or failed.' });
export type ErrorMessage = z.infer<typeof errorMessage>;

/** Every message a server sends on a socket, by its `type`. */
export const SERVER_MESSAGES = {
  AUTH_SUCCESS: authSuccess,
  ACK: ack,
  SUB_SUCCESS: subSuccess,
  UNSUB_SUCCESS: unsubSuccess,
  PONG: pong,
  DECISION: decisionPush,
  BUDGET_UPDATE: budgetUpdate,
  NOTIFICATION: notificationPush,
  HOLD_RESULT: holdResult,
  HOLD_STATE: holdState,
  ERROR: errorMessage,
} as const;
