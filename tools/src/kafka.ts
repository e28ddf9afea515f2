import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandOptions, runCommand } from './command.ts';
import { systemEnvironment } from './environment.ts';
import { DEV_DIR, ROOT } from './paths.ts';
import { HOST } from './ports.ts';
import type { ProcessSpec } from './process.ts';

export interface KafkaOptions {
  /** Its own folder: data, configuration. Kept between starts. */
  dir: string;
  port: number;
  controllerPort: number;
  /** Where clients are told to find it, when that is not `port`: the near end of a line that leads there. */
  advertisedPort?: number | undefined;
}

type Run = Pick<CommandOptions, 'guard' | 'signal' | 'output'>;

const POM = join(ROOT, 'tools/kafka/pom.xml');
const LOGGING = join(ROOT, 'tools/kafka/log4j2.properties');

/** The C1 compiler alone and the simplest collector: a broker for one developer starts in half the time. */
const JVM_FLAGS = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-XX:+ExitOnOutOfMemoryError'];

/** Where Kafka's jars are once they have been fetched; another list of jars has another folder. */
export function kafkaJarsFolder(): string {
  return join(DEV_DIR, `kafka-jars-${createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12)}`);
}

/**
 * The folder of Kafka's jars, fetched by Maven unless they are there already. The local stack and the tests share it;
 * two that fetch at once do not disturb each other. `progress` is told when a download begins.
 */
export async function ensureKafkaJars(run: Run, progress: (text: string) => void): Promise<string> {
  const folder = kafkaJarsFolder();
  if (existsSync(folder)) return folder;
  progress("fetching Kafka's jars with Maven (43 MB, once)");
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const arguments_ = ['-B', '-q', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`];
    await runCommand('mvn', arguments_, { ...run, env: systemEnvironment() });
    if (!existsSync(folder)) renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

/** Prepares one broker that is its own controller (KRaft) and says how to run it. Topics are never made by themselves. */
export async function prepareKafka(options: KafkaOptions, jars: string, run: Run): Promise<ProcessSpec> {
  const config = join(options.dir, 'server.properties');
  mkdirSync(options.dir, { recursive: true });
  writeFileSync(config, properties(options));
  const java = (heap: string, ...rest: string[]) => [
    `-Xmx${heap}`,
    ...JVM_FLAGS,
    `-Dlog4j2.configurationFile=${LOGGING}`,
    '-cp',
    join(jars, '*'),
    ...rest,
  ];
  if (!existsSync(join(options.dir, 'data/meta.properties'))) {
    const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', clusterId(), '--config', config];
    await runCommand('java', java('128m', ...format), { ...run, env: systemEnvironment() });
  }
  return {
    name: 'kafka',
    command: 'java',
    args: java('512m', 'kafka.Kafka', config),
    env: systemEnvironment(),
    stopSignal: 'SIGTERM',
    servesOthers: true,
    ready: { line: /Kafka Server started/ },
  };
}

/** A cluster id is 16 random bytes in URL-safe base64; Kafka refuses one that begins with a dash. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}

function properties({ dir, port, controllerPort, advertisedPort = port }: KafkaOptions): string {
  const lines = {
    'node.id': 1,
    'process.roles': 'broker,controller',
    listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${advertisedPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    'log.dirs': join(dir, 'data'),
    'auto.create.topics.enable': false,
    'num.partitions': 6,
    // One broker: its own topics can have no second copy.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // A developer waits for every second of these.
    'group.initial.rebalance.delay.ms': 0,
    // After a crash the broker may register again only once its former self counts as gone.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
