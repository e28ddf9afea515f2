import { type KafkaOptions, kafkaOptions } from '@governsai/kafka';
import { createLogger, kafkaEnv, loadConfig } from '@governsai/service';
import { readStackFile } from '../stack-file.ts';

/** How to reach the Kafka of the environment, or else of the local stack. Throws an Error that names what is missing. */
export function kafkaConnection(): KafkaOptions {
  const local = process.env.KAFKA_BROKERS || process.env.KAFKA_BROKERS_FILE ? undefined : readStackFile();
  const config = loadConfig(
    kafkaEnv,
    local ? { ...process.env, KAFKA_BROKERS: local.kafkaBrokers.join(',') } : process.env,
  );
  return { ...kafkaOptions(config), clientId: 'admin', log: createLogger('admin', 'warn') };
}
