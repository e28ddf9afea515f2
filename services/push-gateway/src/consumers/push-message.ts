import { TOPICS, type TopicName, type TopicValue } from '@governsai/contracts';
import type { BroadcastMessage } from '@governsai/kafka';
import { extractContext, type Logger, withSpan } from '@governsai/service';
import { pushed, unreadable } from '../metrics.ts';

/** The value of a message; null, counted and logged, when it does not fit the topic's schema. */
export function readValue<T extends TopicName>(topic: T, message: BroadcastMessage, log: Logger): TopicValue<T> | null {
  let value: unknown;
  try {
    value = JSON.parse(message.rawValue.toString());
  } catch {
    value = undefined;
  }
  const parsed = TOPICS[topic].value.safeParse(value);
  if (parsed.success) {
    pushed.inc({ topic });
    return parsed.data as TopicValue<T>;
  }
  unreadable.inc({ topic });
  const { partition, offset } = message;
  log.error({ err: parsed.error, topic, partition, offset }, 'a message does not fit its topic and is left out');
  return null;
}

/** Pushes, in the trace that the message belongs to (G11). `push` must not throw. */
export function pushTraced(topic: TopicName, message: BroadcastMessage, push: () => void): void {
  if (message.headers.traceparent === undefined) {
    push();
    return;
  }
  const parent = extractContext(message.headers);
  const attributes = { 'messaging.system': 'kafka', 'messaging.destination.name': topic };
  // Runs `push` before it returns.
  void withSpan(`push ${topic}`, { parent, attributes }, async () => push());
}
