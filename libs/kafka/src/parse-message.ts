import { TOPICS, type TopicName, type TopicValue } from '@governsai/contracts';
import type { KafkaMessage } from 'kafkajs';
import { textHeaders } from './headers.ts';
import { PoisonError } from './poison.ts';
import type { ConsumedMessage } from './types.ts';

/**
 * The message with its value parsed by the topic's schema. Throws PoisonError, its message naming the field at fault and
 * never the content: it is logged.
 */
export function parseMessage<T extends TopicName>(topic: T, message: KafkaMessage): ConsumedMessage<T> {
  if (message.value === null) throw new PoisonError('the message has no value');
  let json: unknown;
  try {
    json = JSON.parse(message.value.toString());
  } catch {
    // Node's own message quotes the text.
    throw new PoisonError('the value is not JSON');
  }
  const parsed = TOPICS[topic].value.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new PoisonError(
      `${issue?.path.join('.') || 'the value'}: ${issue?.message ?? 'not valid'} (${TOPICS[topic].schema})`,
    );
  }
  return {
    offset: message.offset,
    key: message.key?.toString() ?? '',
    value: parsed.data as TopicValue<T>,
    headers: textHeaders(message.headers),
    timestamp: message.timestamp,
    raw: message.value,
  };
}
