import type { Decision } from './decision.ts';

// The wire as this client speaks it. `wire.test.ts` holds every type and constant here to `libs/contracts`, which a published
// package cannot import: a browser would get a validator it does not need, and the declarations would not stand alone.

/** Close codes of the server. */
export const CLOSE_CODES = {
  restart: 1012,
  tooBig: 1009,
  unauthorized: 4401,
  silent: 4408,
  tooManyConnections: 4429,
  slowConsumer: 4430,
} as const;

/** Codes of errors that the server tells. */
export type ServerErrorCode =
  | 'AUTH_FAILED'
  | 'AUTH_EXPIRED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'VALIDATION_FAILED'
  | 'UNKNOWN_TYPE'
  | 'UNSUPPORTED_SCHEMA'
  | 'CONFLICT'
  | 'IDEMPOTENCY_CONFLICT'
  | 'HOLD_CLOSED'
  | 'RESUME_GAP'
  | 'PAYLOAD_TOO_LARGE'
  | 'RATE_LIMITED'
  | 'UNAVAILABLE'
  | 'INTERNAL';

/** What `data` of an ingested message is. Only `decision.v1` has a seq and is pushed. */
export type IngestSchema = 'decision.v1' | 'toolcall.v1' | 'dlq.v1';

/** Says that a message is durable: it will be stored once, and reach every subscriber. */
export interface Ack {
  /** The idempotency key. */
  id: string;
  /** The same for every repeat of the key. */
  decisionId: string;
  /** True only when it was there before; false may be a repeat all the same. */
  dedup: boolean;
  schema: IngestSchema;
  timestamp: string;
  /** With the option `trace`, where the installation traces: the trace to look for. */
  traceId?: string | undefined;
}

/** A stored decision, in the order of its seq. */
export interface DecisionEvent<Data = Decision> {
  type: 'DECISION';
  channel: string;
  /** Its place among the decisions of the org: 1, 2, 3 … What `since` takes. */
  seq: number;
  data: Data;
}

/** The state of a budget. Amounts are rounded to doubles. */
export interface Budget {
  orgId: string;
  budgetId: string;
  /** What the budget is about; empty for the whole org. */
  scope: Record<string, string>;
  budgetRemaining: number;
  budgetUsed: number;
  budgetHeld: number;
  budgetTotal: number;
  percentUsed: number;
  currentSpend: number;
  remaining: number;
  limit: number;
  /** Null for a budget that counts tokens or calls. */
  currency: string | null;
  period: string;
  /** Grows with every change. */
  version: number;
  lastUpdate: string;
}

/** The state of a budget after a change, or as it is when the subscription begins. */
export interface BudgetEvent {
  type: 'BUDGET_UPDATE';
  channel: string;
  data: Budget;
}

/** Something a user should know; more members may come with its kind. */
export interface Notification {
  id: string;
  /** What it is about, for programs: `budget.threshold`. */
  kind: string;
  severity: 'info' | 'warning' | 'critical';
  title: string;
  body: string;
  timestamp: string;
  [member: string]: unknown;
}

/** A notification, in the order of its seq. */
export interface NotificationEvent {
  type: 'NOTIFICATION';
  channel: string;
  seq: number;
  data: Notification;
}

export interface AuthSuccess {
  type: 'AUTH_SUCCESS';
  orgId: string;
  orgSlug: string;
  userId: string | null;
  timestamp: string;
}

export interface SubSuccess {
  type: 'SUB_SUCCESS';
  channels: string[];
  positions: Record<string, number>;
}

export interface ServerError {
  type: 'ERROR';
  code: ServerErrorCode;
  message: string;
  timestamp: string;
  id?: string | undefined;
  path?: string | undefined;
  channel?: string | undefined;
  retryAfterMs?: number | undefined;
  firstSeq?: number | undefined;
}

/** Every message of the server that this client reads. */
export type ServerMessage =
  | AuthSuccess
  | (Ack & { type: 'ACK' })
  | SubSuccess
  | { type: 'UNSUB_SUCCESS'; channels: string[] }
  | { type: 'PONG'; timestamp: string; positions?: Record<string, number> | undefined }
  | DecisionEvent
  | BudgetEvent
  | NotificationEvent
  | (HoldAnswer & { type: 'HOLD_RESULT'; id: string; timestamp: string })
  | { type: 'HOLD_STATE'; id: string; hold: Hold; timestamp: string }
  | ServerError;

/** What to set aside before a call, in every budget that it counts against. */
export interface NewHold {
  /** Money; "0" when only tokens or calls are to be held. Each hold is one call. */
  amount: string | number;
  /** Currency of `amount`; absent: each budget's own. */
  currency?: string | null | undefined;
  tokens?: number | null | undefined;
  /** Whom the call is about; absent: the user of the credential. */
  userId?: string | null | undefined;
  tool?: string | null | undefined;
  tags?: string[] | null | undefined;
  /** With `tool`, what a decision finds its hold by when it names none. */
  correlationId?: string | null | undefined;
  model?: string | null | undefined;
  provider?: string | null | undefined;
  /** After which it expires by itself; 300 unless given. */
  ttlSeconds?: number | undefined;
}

/** Whether a hold was granted. */
export interface HoldAnswer {
  /** Null when the database did not answer: there is no hold then. */
  holdId: string | null;
  allowed: boolean;
  /** `failed-…`: the database did not answer, and the installation allows, or refuses, what it cannot check. */
  mode: 'enforced' | 'failed-open' | 'failed-closed';
  /** The id of the hard budget that has no room; absent when allowed. */
  refusedBy?: string | undefined;
  /** What remains of the tightest budget in money; null: no such budget. */
  remaining: string | null;
  budgets: { budgetId: string; name: string; hard: boolean; held: string; remaining: string }[];
  /** Null when there is no hold. */
  expiresAt: string | null;
}

/** What was spent under a hold. */
export interface Settlement {
  /** More than was held is booked as an overrun. */
  amount: string | number;
  /** Absent: as many as were held. */
  tokens?: number | null | undefined;
}

/** What became of a hold. */
export interface Hold {
  id: string;
  orgId: string;
  idempotencyKey: string;
  status: 'refused' | 'open' | 'settled' | 'released' | 'expired';
  amount: string;
  currency: string | null;
  tokens: number;
  userId: string | null;
  keyId: string | null;
  tool: string | null;
  tags: string[];
  correlationId: string | null;
  budgets: { budgetId: string; held: string; booked: string | null }[];
  settledAmount: string | null;
  settledTokens: number | null;
  decisionId: string | null;
  createdAt: string;
  expiresAt: string;
  closedAt: string | null;
}
