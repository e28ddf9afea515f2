import { z } from 'zod';
import { decisionView, ingestSchema } from './decision.ts';
import { errorCode } from './errors.ts';
import { decisionId, orgId, seq, timestamp } from './identifiers.ts';

export const authSuccess = z
  .object({ type: z.literal('AUTH_SUCCESS'), orgId, orgSlug: orgId, userId: z.string().nullable(), timestamp })
  .meta({ id: 'AuthSuccess' });

export const ack = z
  .object({
    type: z.literal('ACK'),
    id: z.string().describe('The idempotencyKey.'),
    decisionId,
    dedup: z.boolean().describe('True only when the decision was there before; false may be a repeat all the same.'),
    schema: ingestSchema,
    timestamp,
  })
  .meta({ id: 'Ack', description: 'Kafka has confirmed the write (G1).' });
export type Ack = z.infer<typeof ack>;

export const subSuccess = z
  .object({
    type: z.literal('SUB_SUCCESS'),
    channels: z.array(z.string()),
    positions: z.record(z.string(), z.int().nonnegative()).describe('By channel: the last seq before the live stream.'),
  })
  .meta({ id: 'SubSuccess' });

export const unsubSuccess = z
  .object({ type: z.literal('UNSUB_SUCCESS'), channels: z.array(z.string()) })
  .meta({ id: 'UnsubSuccess' });

export const pong = z.object({ type: z.literal('PONG'), timestamp }).meta({ id: 'Pong' });

export const decisionPush = z
  .object({ type: z.literal('DECISION'), channel: z.string(), seq, data: decisionView })
  .meta({ id: 'DecisionPush' });
export type DecisionPush = z.infer<typeof decisionPush>;

export const budgetUpdate = z
  .object({
    type: z.literal('BUDGET_UPDATE'),
    channel: z.string(),
    data: z.object({
      orgId,
      budgetId: z.string(),
      scope: z.record(z.string(), z.string()).describe('What the budget is about; empty for the whole org.'),
      budgetRemaining: z.number(),
      budgetUsed: z.number(),
      budgetHeld: z.number(),
      budgetTotal: z.number(),
      percentUsed: z.number(),
      currentSpend: z.number().describe('Same as budgetUsed, for the dashboard.'),
      remaining: z.number().describe('Same as budgetRemaining, for the dashboard.'),
      limit: z.number().describe('Same as budgetTotal, for the dashboard.'),
      currency: z.string().nullable(),
      period: z.string(),
      version: z.int(),
      lastUpdate: timestamp,
    }),
  })
  .meta({ id: 'BudgetUpdate' });
export type BudgetUpdate = z.infer<typeof budgetUpdate>;

export const notificationPush = z
  .object({
    type: z.literal('NOTIFICATION'),
    channel: z.string(),
    seq,
    data: z.looseObject({
      id: z.string(),
      kind: z.string(),
      severity: z.enum(['info', 'warning', 'critical']),
      title: z.string(),
      body: z.string(),
      timestamp,
    }),
  })
  .meta({ id: 'NotificationPush' });

export const errorMessage = z
  .object({
    type: z.literal('ERROR'),
    code: errorCode,
    error: errorCode.describe('Same as code, for older clients.'),
    message: z.string(),
    timestamp,
    id: z.string().optional().describe('The idempotencyKey of the INGEST that failed.'),
    path: z.string().optional(),
    channel: z.string().optional(),
    retryAfterMs: z.int().optional(),
    firstSeq: z.int().optional(),
  })
  .meta({ id: 'ErrorMessage' });
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
  ERROR: errorMessage,
} as const;
