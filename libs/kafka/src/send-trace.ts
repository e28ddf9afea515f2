import type { TopicName } from '@governsai/contracts';
import {
  extractContext,
  isTraced,
  MESSAGING,
  messageAttributes,
  recordFailure,
  span,
  traceHeaders,
} from '@governsai/telemetry';
import { type Context, context, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import type { OutgoingMessage, TextHeaders } from './types.ts';

/** What a message carries of its trace, and the end of the span that tells of its sending. */
interface SendTrace {
  headers: TextHeaders;
  end(error?: unknown): void;
}

const UNTRACED: SendTrace = { headers: {}, end: () => {} };

/**
 * Begins the span of one message's sending, which ends when it is confirmed. Its context goes with the message: whoever
 * handles the message continues from here. A message whose trace is not recorded carries none, and costs nothing.
 */
export function traceSend<T extends TopicName>(topic: T, message: OutgoingMessage<T>, clientId: string): SendTrace {
  const parent = parentOf(message);
  const from = trace.getSpanContext(parent);
  if (!from || (from.traceFlags & TraceFlags.SAMPLED) === 0) return UNTRACED;
  const sending = span(`send ${topic}`, {
    kind: SpanKind.PRODUCER,
    parent,
    shared: messageAttributes({ name: 'send', type: 'send', topic }),
    attributes: () => message.trace?.attributes?.() ?? {},
  });
  sending.setAttribute(MESSAGING.clientId, clientId).setAttribute(MESSAGING.key, message.key);
  return {
    headers: traceHeaders(trace.setSpan(parent, sending)),
    end(error) {
      if (error !== undefined) recordFailure(sending, error);
      sending.end();
    },
  };
}

/** The trace the message names, else the one its headers carry since it was put in an outbox, else the active one. */
function parentOf<T extends TopicName>({ trace: named, headers }: OutgoingMessage<T>): Context {
  if (named?.parent) return named.parent;
  return headers && isTraced(headers) ? extractContext(headers) : context.active();
}
