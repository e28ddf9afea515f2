import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type CommandOptions, runCommand } from './command.ts';
import { systemEnvironment } from './environment.ts';
import { ensureKafkaJars, prepareKafka } from './kafka.ts';
import { ROOT, toolScript } from './paths.ts';
import { HOST } from './ports.ts';
import { postgresUrl, preparePostgres } from './postgres.ts';
import { ManagedProcess, type ProcessHooks } from './process.ts';

export interface ServersOptions {
  /** Holds their data. Kept between starts, unless the caller removes it. */
  dir: string;
  ports: { postgres: number; kafka: number; 'kafka-controller': number };
  /** Where clients are told to find Kafka, when that is not its port. */
  advertisedKafkaPort?: number | undefined;
  /** Of PostgreSQL's superuser; fixed when `dir` is first used. */
  postgresPassword: string;
  /** The database made when `dir` is first used. */
  database: string;
  /** False for tests: PostgreSQL does not wait for the disk. */
  durable: boolean;
  hooks: ProcessHooks;
  /** Told what is being done when it takes long. */
  progress: (text: string) => void;
  signal?: AbortSignal | undefined;
}

/** A Kafka broker and a PostgreSQL server of our own, on 127.0.0.1. */
export interface Servers {
  kafka: ManagedProcess;
  postgres: ManagedProcess;
  kafkaBrokers: string[];
  /** URL of the database as superuser. */
  adminUrl: string;
  /** Stops both in order. */
  stop(): Promise<void>;
}

const APP_ROLE = 'governsai_app';

/** URL of a database as the role the services use, from the superuser's. */
export function appUrl(adminUrl: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = APP_ROLE;
  url.password = password;
  return url.href;
}

/** Prepares both servers (the first time: jars, formatting, initdb). They run once their `start()` is called. */
export async function prepareServers(options: ServersOptions): Promise<Servers> {
  const { dir, ports, hooks, progress, signal } = options;
  const run = { guard: hooks.guard, signal };
  const prepareBroker = async () => {
    const jars = await ensureKafkaJars({ ...run, output: (line) => hooks.output('maven', line) }, progress);
    const broker = {
      dir: join(dir, 'kafka'),
      port: ports.kafka,
      controllerPort: ports['kafka-controller'],
      advertisedPort: options.advertisedKafkaPort,
    };
    return prepareKafka(broker, jars, { ...run, output: (line) => hooks.output('kafka', line) });
  };
  const password = options.postgresPassword;
  const cluster = { dir: join(dir, 'postgres'), port: ports.postgres, password, database: options.database };
  const [kafka, postgres] = await Promise.all([
    prepareBroker(),
    preparePostgres(
      { ...cluster, durable: options.durable },
      { ...run, output: (line) => hooks.output('postgres', line) },
    ),
  ]);
  const servers = { kafka: new ManagedProcess(kafka, hooks), postgres: new ManagedProcess(postgres, hooks) };
  return {
    ...servers,
    kafkaBrokers: [`${HOST}:${ports.kafka}`],
    adminUrl: postgresUrl(cluster),
    stop: async () => {
      await Promise.all([servers.kafka.stop(), servers.postgres.stop()]);
    },
  };
}

type Run = Pick<CommandOptions, 'guard' | 'signal' | 'output'>;

/** Creates the topics that are missing. */
export async function createTopics(brokers: readonly string[], topicPrefix: string, run: Run): Promise<void> {
  const env = { ...systemEnvironment(), KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC_PREFIX: topicPrefix };
  await runCommand(process.execPath, [toolScript('topics-cli.js')], { ...run, env });
}

/** Brings the database up to date, creates the services' role and, if asked to, adds the demo orgs. */
export async function migrateDatabase(
  urls: { adminUrl: string; appUrl: string },
  seed: boolean,
  run: Run,
): Promise<void> {
  const env = {
    ...systemEnvironment(),
    NODE_ENV: 'development',
    DATABASE_ADMIN_URL: urls.adminUrl,
    DATABASE_URL: urls.appUrl,
  };
  const commands = ['migrate-cli.js', ...(seed ? ['seed-cli.js'] : [])];
  for (const command of commands) {
    await runCommand(process.execPath, [join(ROOT, 'libs/db/dist', command)], { ...run, env });
  }
}

/** A password for a server that nobody will meet again. */
export function throwAwayPassword(): string {
  return randomBytes(16).toString('hex');
}
