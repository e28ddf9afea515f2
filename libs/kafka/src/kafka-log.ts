import { type LogEntry, type logCreator, logLevel } from 'kafkajs';
import type { Logger } from 'pino';

/** Hears every line of the Kafka client. */
export type KafkaLogListener = (entry: LogEntry) => void;

/**
 * Routes the client's lines to pino. Its errors are warnings here: it logs one for every failed try, and the layer above
 * says whether that matters. Stack traces and request details are left out, they point into the client.
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
    if (entry.level === logLevel.ERROR || entry.level === logLevel.WARN) log.warn(fields, message);
    else log.debug(fields, message);
  };
}

function text(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
