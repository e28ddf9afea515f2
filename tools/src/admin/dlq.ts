import { TOPIC_NAMES, type TopicName } from '@governsai/contracts';
import { type DeadLetterSelection, listDeadLetters, redriveDeadLetters } from '@governsai/kafka';
import type { AdminCommand } from './command.ts';
import { kafkaConnection } from './kafka.ts';

const options = { topic: { type: 'string' }, limit: { type: 'string' } } as const;

/** Commands on dead letters. */
export const DLQ_COMMANDS: Record<string, AdminCommand> = {
  'dlq-list': {
    summary: 'Dead letters that have not been sent back, a line each. --topic NAME, --limit N',
    options,
    async run(given) {
      const chosen = selection(given);
      const letters = await listDeadLetters(kafkaConnection(), chosen);
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
      console.log(`${await redriveDeadLetters(kafkaConnection(), chosen)} sent back.`);
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
