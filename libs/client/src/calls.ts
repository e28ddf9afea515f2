import type { Decision } from './decision.ts';
import type { IngestSchema } from './messages.ts';

export type DecisionChannel = `org:${string}:decisions` | `org:${string}:decisions:tool:${string}`;
export type BudgetChannel = `org:${string}:budget`;
export type NotificationChannel = `user:${string}:notifications`;

export interface SendOptions {
  /** Gives up waiting for the answer; a message that was sent may be recorded all the same. */
  signal?: AbortSignal | undefined;
  /** For this message; else as `connect` was told. */
  whenFull?: 'reject' | 'wait' | undefined;
}

export interface IngestOptions<Schema extends IngestSchema = IngestSchema> extends SendOptions {
  /** Names the message within the org, 1 to 256 characters: whatever is sent again with it counts once. Random unless given. */
  idempotencyKey?: string | undefined;
  /** `decision.v1` unless given. */
  schema?: Schema | undefined;
  /** W3C trace context to continue. */
  traceparent?: string | undefined;
  /** True: the ACK says the `traceId` to look for, where the installation traces. */
  trace?: boolean | undefined;
}

export interface HoldOptions extends SendOptions {
  /** A repeat with the same key gets the same answer. Random unless given. */
  idempotencyKey?: string | undefined;
}

export interface SubscribeOptions {
  /** The last seq seen: what follows it comes first, then the live ones. 0: from the beginning. Absent: live ones only. */
  since?: number | undefined;
  /** Events that may wait to be read; beyond it the channel is left until half of them are. 1,024. */
  buffer?: number | undefined;
  /** Ends it: the iterator throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface DecisionSubscribeOptions<Field extends keyof Decision> extends SubscribeOptions {
  /** A CEL expression over the decision: only those for which it is true. */
  filter?: string | undefined;
  /** Only these fields of each decision. */
  fields?: readonly Field[] | undefined;
}
