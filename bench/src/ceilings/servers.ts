import type { Database } from '@governsai/db';
import { Kafka, logLevel } from 'kafkajs';

/** As the system's own topics have. */
const PARTITIONS = 6;

/** Makes topics of the benchmark's own. */
export async function createTopics(brokers: readonly string[], names: readonly string[]): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], clientId: 'bench', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topics = names.map((topic) => ({ topic, numPartitions: PARTITIONS, replicationFactor: 1 }));
  await admin.createTopics({ topics, waitForLeaders: true });
  await admin.disconnect();
}

/** A table like `decisions`, with the indexes that anybody would have: by org and id. */
export async function createBareTable(admin: Database, name: string): Promise<void> {
  await admin.system.execute(
    `CREATE TABLE ${name} (org text NOT NULL, id text NOT NULL, direction text NOT NULL, decision text NOT NULL, tool text,
       correlation_id text, ts timestamptz NOT NULL, received_at timestamptz NOT NULL, record text NOT NULL,
       hash text NOT NULL, PRIMARY KEY (org, id))`,
  );
}
