import { type LogEntry, type logCreator, logLevel } from 'kafkajs';
import type { Logger } from 'pino';

/** Hears every line of the Kafka client. */
export type KafkaLogListener = (entry: LogEntry) => void;

/** Parts that log an error for every failed try, several a second while Kafka is away. This library tells of it itself. */
const CHATTY = new Set(['Connection', 'BrokerPool', 'Consumer', 'Producer']);

/**
 * Routes the client's lines to pino. Its errors are warnings at most: the layer above says whether they matter. Stack
 * traces and request details are left out, they point into the client.
 */
export function createLogCreator(log: Logger, listener?: KafkaLogListener): logCreator {
  return () => (entry) => {
    listener?.(entry);
    const { message, groupId, topic, partition, broker, error, retryCount } = entry.log;
    const fields = {
      part: `kafka.${entry.namespace}`,
      groupId,
      topic,
      partition,
      broker,
      error: text(error),
      retryCount,
    };
    if (entry.level <= logLevel.WARN && !CHATTY.has(entry.namespace)) log.warn(fields, message);
    else log.debug(fields, message);
  };
}

function text(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
