import { z } from 'zod';
import { CHANNEL_FORMS } from './channels.ts';
import { decisionFields, decisionFilter } from './decision-selection.ts';
import { holdMessage, releaseMessage, settleMessage } from './http/holds.ts';
import { seq } from './identifiers.ts';
import { DEFAULT_LIMITS, type MessageLimits } from './limits.ts';
import { jsonObject, text } from './text.ts';

/** Longer ones come with later versions of the standard, which says that a reader may drop them. */
const MAX_TRACEPARENT = 512;
/** Channels in one SUB or UNSUB. */
const MAX_CHANNELS = 256;
const channels = z
  .array(z.string().max(512))
  .min(1)
  .max(MAX_CHANNELS)
  .describe(
    `${CHANNEL_FORMS}. The glob is matched with the tool of each decision: \`*\` any run of characters, \`?\` one.`,
  );

export const authMessage = z
  .object({
    type: z.literal('AUTH'),
    apiKey: z.string().max(512).optional().describe('An API key, `gai_…`.'),
    token: z.string().max(16_384).optional().describe('A session token (JWT).'),
  })
  .refine((message) => (message.apiKey === undefined) !== (message.token === undefined), 'needs either apiKey or token')
  .meta({ id: 'AuthMessage', description: 'First message of a connection without a credential in its upgrade.' });

/** As for any W3C trace context, one that cannot be read is as good as none. */
const traceparent = z.string().max(MAX_TRACEPARENT).optional().catch(undefined);

/** The envelope of an INGEST; `data` is checked by its own schema once `schema` is known. */
export function ingestMessageSchema(limits: MessageLimits = DEFAULT_LIMITS) {
  return z.object({
    type: z.literal('INGEST').optional().describe('Always INGEST on a socket; may be absent in an HTTP body.'),
    channel: z.string().max(512).nullish().describe('`org:<org>:decisions` of the own org; null or absent means that.'),
    schema: z.string().max(64).describe('decision.v1, toolcall.v1 or dlq.v1'),
    idempotencyKey: text(limits.idempotencyKeyLength, 1).describe(
      'Names this message within the org: a repeat with the same key is stored once.',
    ),
    data: jsonObject.describe('As `schema` says: DecisionData for decision.v1, any object else.'),
    traceparent: traceparent.describe(
      'W3C trace context to continue; without one that of the HTTP request or of the upgrade. A wrong one is ignored.',
    ),
    trace: z.boolean().optional().catch(undefined).describe('True: the answer says the `traceId` to look for.'),
  });
}
export const ingestMessage = ingestMessageSchema().meta({
  id: 'IngestMessage',
  description: 'Submits one decision or event. Answered by ACK once it is durable, or by ERROR with its `id`.',
});
export type IngestMessage = z.infer<typeof ingestMessage>;

export const subMessage = z
  .object({
    type: z.literal('SUB'),
    channels,
    since: z
      .record(z.string(), z.union([seq, z.literal(0)]))
      .optional()
      .describe('Last seq seen, by channel; 0 for all.'),
    filter: decisionFilter.optional(),
    fields: decisionFields.optional(),
  })
  .meta({
    id: 'SubMessage',
    description:
      'Subscribes. Answered by an ERROR for each refused channel, then by SUB_SUCCESS for the rest. `filter` and `fields` apply to its decisions channels; a later SUB of a channel replaces them.',
  });
export type SubMessage = z.infer<typeof subMessage>;

export const unsubMessage = z
  .object({ type: z.literal('UNSUB'), channels })
  .meta({ id: 'UnsubMessage', description: 'Ends subscriptions. Answered by UNSUB_SUCCESS.' });

export const pingMessage = z
  .object({
    type: z.literal('PING'),
    timestamp: z.unknown().optional().describe('Not read; the answer carries the time of the server.'),
  })
  .meta({ id: 'PingMessage', description: 'Keeps the connection alive. Answered by PONG.' });

/** Every message a client sends on a socket, by its `type`. */
export const CLIENT_MESSAGES = {
  AUTH: authMessage,
  INGEST: ingestMessage,
  SUB: subMessage,
  UNSUB: unsubMessage,
  PING: pingMessage,
  HOLD: holdMessage,
  SETTLE: settleMessage,
  RELEASE: releaseMessage,
} as const;
export type ClientMessageType = keyof typeof CLIENT_MESSAGES;
