import type { ParseArgsConfig } from 'node:util';
import { TOPIC_NAMES, type TopicName } from '@governsai/contracts';
import { type DeadLetterSelection, kafkaSecurity, listDeadLetters, redriveDeadLetters } from '@governsai/kafka';
import { createLogger, kafkaEnv, loadConfig } from '@governsai/service';
import { readStackFile } from '../stack-file.ts';

/** One command of the admin tool. */
export interface AdminCommand {
  summary: string;
  options: NonNullable<ParseArgsConfig['options']>;
  /** Writes its answer to stdout. Throws an Error that says what to do. */
  run(options: Readonly<Record<string, string | undefined>>): Promise<void>;
}

const options = { topic: { type: 'string' }, limit: { type: 'string' } } as const;

/** Commands on dead letters. */
export const DLQ_COMMANDS: Record<string, AdminCommand> = {
  'dlq-list': {
    summary: 'Dead letters that have not been sent back, a line each. --topic NAME, --limit N',
    options,
    async run(given) {
      const chosen = selection(given);
      const letters = await listDeadLetters(connection(), chosen);
      for (const { topic, partition, offset, key, reason, error, source, at } of letters) {
        console.log(`${at}  ${topic}.dead ${partition}/${offset}  from ${source}  org ${key}  ${reason}  ${error}`);
      }
      console.log(letters.length === 0 ? 'No dead letters.' : `${letters.length} dead letters.`);
    },
  },
  'dlq-redrive': {
    summary: 'Sends them back to the topics they came from, each once. --topic NAME, --limit N',
    options,
    async run(given) {
      const chosen = selection(given);
      console.log(`${await redriveDeadLetters(connection(), chosen)} sent back.`);
    },
  },
};

function selection({ topic, limit }: Readonly<Record<string, string | undefined>>): DeadLetterSelection {
  if (topic !== undefined && !TOPIC_NAMES.includes(topic as TopicName)) {
    throw new Error(`--topic: there is no topic ${topic}; use one of ${TOPIC_NAMES.join(', ')}`);
  }
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw new Error('--limit: give a number of 1 or more');
  return { topic: topic as TopicName | undefined, ...(limit !== undefined && { limit: Number(limit) }) };
}

function connection() {
  const local = process.env.KAFKA_BROKERS || process.env.KAFKA_BROKERS_FILE ? undefined : readStackFile();
  const config = loadConfig(
    kafkaEnv,
    local ? { ...process.env, KAFKA_BROKERS: local.kafkaBrokers.join(',') } : process.env,
  );
  return {
    brokers: config.KAFKA_BROKERS,
    clientId: 'admin',
    topicPrefix: config.KAFKA_TOPIC_PREFIX,
    log: createLogger('admin', 'warn'),
    ...kafkaSecurity(config),
  };
}
