import { createKafka, kafkaOptions } from '@governsai/kafka';
import { createLogger, kafkaEnv, loadConfig } from '@governsai/service';
import { z } from 'zod';

// node tools/dist/topics-cli.js: creates the topics that are missing, and fails when those that are there have another number of
// partitions.

const topicsEnv = kafkaEnv.extend({
  KAFKA_PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .default(6)
    .describe('Partitions of each topic; never changed later.'),
  KAFKA_REPLICATION_FACTOR: z.coerce.number().int().min(1).default(1).describe('Copies of each topic.'),
});

try {
  const config = loadConfig(topicsEnv);
  const kafka = createKafka({ ...kafkaOptions(config), clientId: 'topics', log: createLogger('topics', 'warn') });
  const { created } = await kafka.ensureTopics({
    partitions: config.KAFKA_PARTITIONS,
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
  });
  await kafka.checkTopics({ partitions: config.KAFKA_PARTITIONS });
  console.log(created.length === 0 ? 'All topics are there.' : `Created: ${created.join(', ')}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
