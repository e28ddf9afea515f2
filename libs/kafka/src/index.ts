export { createKafka } from './client.ts';
export type { KafkaOptions } from './connection.ts';
export { DEAD_HEADERS } from './dead-letter.ts';
export {
  type DeadLetter,
  type DeadLetterSelection,
  listDeadLetters,
  redriveDeadLetters,
} from './dead-letter-queue.ts';
export { type KafkaEnv, kafkaOptions } from './environment.ts';
export { MessageSpans } from './message-spans.ts';
export { OutboxRelay, type OutboxRelayOptions, type OutboxRow, type OutboxSource } from './outbox-relay.ts';
export { PoisonError } from './poison.ts';
export { type RewindOptions, type RewoundPartition, rewindGroup } from './rewind.ts';
export { type WantedTopic, wantedTopics } from './topics.ts';
export type * from './types.ts';
