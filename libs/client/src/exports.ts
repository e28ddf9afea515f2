export type { BackoffBounds } from './backoff.ts';
export type {
  BudgetChannel,
  DecisionChannel,
  DecisionSubscribeOptions,
  HoldOptions,
  IngestOptions,
  NotificationChannel,
  SendOptions,
  SubscribeOptions,
} from './calls.ts';
export type { Client } from './client.ts';
export type { Identity } from './connection.ts';
export type { Credential, FreshToken, TicketProvider, TokenProvider } from './credentials.ts';
export type { Decision, DecisionData, DecisionOutcome, Direction, PolicyOutcome, Usage } from './decision.ts';
export {
  AuthenticationError,
  type ErrorCode,
  GovernsaiError,
  type LocalErrorCode,
  QueueFullError,
  ResumeGapError,
} from './errors.ts';
export type { ConnectionState } from './link.ts';
export type {
  Ack,
  Budget,
  BudgetEvent,
  DecisionEvent,
  Hold,
  HoldAnswer,
  IngestSchema,
  NewHold,
  Notification,
  NotificationEvent,
  ServerErrorCode,
  Settlement,
} from './messages.ts';
export type { ClientOptions, ClientSettings } from './options.ts';
export type { WebSocketLike } from './socket.ts';
export type { Subscription } from './subscription.ts';
