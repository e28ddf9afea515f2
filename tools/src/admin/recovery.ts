import type { ServiceName, TopicName } from '@governsai/contracts';
import { rewindGroup } from '@governsai/kafka';
import type { AdminCommand } from './command.ts';
import { kafkaConnection } from './kafka.ts';

/**
 * What can be read again into an older database: the topics whose messages come from outside it. The others are made of what
 * these become.
 */
const SOURCES: readonly { topic: TopicName; service: ServiceName }[] = [
  { topic: 'decisions.submitted', service: 'decision-writer' },
  { topic: 'audit.recorded', service: 'auth' },
];

/** Clocks differ, and a message is written to Kafka before the time of its storage. What comes twice is stored once. */
const MARGIN_MS = 5 * 60_000;

/** Commands for the worst day. */
export const RECOVERY_COMMANDS: Record<string, AdminCommand> = {
  rewind: {
    summary:
      'After PostgreSQL was restored from a backup: reads again what came since. --to TIME (of the backup, RFC 3339)',
    options: { to: { type: 'string' } },
    async run({ to }) {
      const time = new Date(timeOf(to).getTime() - MARGIN_MS);
      const kafka = kafkaConnection();
      // Both or none: whichever service still runs says so before anything is moved.
      for (const { topic, service } of SOURCES)
        await rewindGroup(kafka, { topic, groupId: service, to: time, dryRun: true });
      for (const { topic, service } of SOURCES) {
        const partitions = await rewindGroup(kafka, { topic, groupId: service, to: time });
        const messages = partitions.reduce((sum, one) => sum + (one.from - one.to), 0n);
        console.log(`${topic}: ${service} will read ${messages} messages again, from ${time.toISOString()} on.`);
      }
      console.log('Start the services. What is stored already is left as it is.');
    },
  },
};

function timeOf(text: string | undefined): Date {
  if (text !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)) {
    const time = new Date(text);
    if (!Number.isNaN(time.getTime())) return time;
  }
  throw new Error('--to: give the time of the backup with its offset, such as 2026-03-01T02:00:00Z');
}
