import { createKafka } from '@governsai/kafka';
import { createLogger } from '@governsai/service';

// node tools/dist/topics-cli.js: creates the topics that are missing. Reads KAFKA_BROKERS, KAFKA_TOPIC_PREFIX,
// KAFKA_PARTITIONS and KAFKA_REPLICATION_FACTOR.

const brokers = (process.env.KAFKA_BROKERS ?? '').split(',').filter((broker) => broker !== '');
if (brokers.length === 0) {
  console.error('KAFKA_BROKERS is not set: set it to host:port of a Kafka broker, more of them separated by commas.');
  process.exit(2);
}
const kafka = createKafka({
  brokers,
  clientId: 'topics',
  topicPrefix: process.env.KAFKA_TOPIC_PREFIX ?? '',
  log: createLogger('topics', 'warn'),
});
try {
  const { created } = await kafka.ensureTopics({
    partitions: Number(process.env.KAFKA_PARTITIONS ?? 6),
    replicationFactor: Number(process.env.KAFKA_REPLICATION_FACTOR ?? 1),
  });
  console.log(created.length === 0 ? 'All topics are there.' : `Created: ${created.join(', ')}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
