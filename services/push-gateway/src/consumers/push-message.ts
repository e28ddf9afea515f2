import { TOPICS, type TopicName, type TopicValue } from '@governsai/contracts';
import type { BroadcastMessage } from '@governsai/kafka';
import {
  type Attributes,
  extractContext,
  isTraced,
  type Logger,
  messageAttributes,
  recordFailure,
  SpanKind,
  span,
} from '@governsai/service';
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

/** Pushes, told in the trace that the message belongs to (G11); `describe` says what of. */
export function pushTraced(
  topic: TopicName,
  message: BroadcastMessage,
  push: () => void,
  describe: () => Attributes = () => ({}),
): void {
  const { headers } = message;
  if (!isTraced(headers)) {
    push();
    return;
  }
  const pushing = span(`push ${topic}`, {
    kind: SpanKind.CONSUMER,
    parent: extractContext(headers),
    shared: messageAttributes({ name: 'push', type: 'process', topic }),
    attributes: describe,
  });
  try {
    push();
  } catch (error) {
    recordFailure(pushing, error);
    throw error;
  } finally {
    pushing.end();
  }
}
