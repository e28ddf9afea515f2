import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Guard } from '../../tools/src/guard.ts';
import { LogFiles } from '../../tools/src/log.ts';
import { ROOT } from '../../tools/src/paths.ts';
import { freePorts } from '../../tools/src/ports.ts';
import { prepareServers, throwAwayPassword } from '../../tools/src/servers.ts';

/** Holds one folder for each test run. */
const TEST_DIR = join(ROOT, '.test');

/** What `stop-servers.ts` calls: jest runs it in the same process, as another module. */
declare global {
  var stopTestServers: (() => Promise<void>) | undefined;
}

/**
 * Gives the integration tests a Kafka and a PostgreSQL of their own, on free ports, in a folder of this run, and names them in
 * TEST_KAFKA_BROKERS and TEST_DATABASE_URL. Servers that these name already are used as they are. Whatever ends the run,
 * `kill -9` included, the servers are stopped and the folder is removed.
 */
export default async function startServers(): Promise<void> {
  if (process.env.TEST_KAFKA_BROKERS && process.env.TEST_DATABASE_URL) return;
  removeOldRuns();
  const dir = join(TEST_DIR, `run-${process.pid}`);
  mkdirSync(dir, { recursive: true });
  const guard = new Guard();
  guard.removeAtEnd(dir);
  const logs = new LogFiles(join(dir, 'logs'));
  const servers = await prepareServers({
    dir,
    ports: await freePorts(['postgres', 'kafka', 'kafka-controller']),
    postgresPassword: throwAwayPassword(),
    database: 'governsai',
    durable: false,
    hooks: { guard, output: (name, line) => logs.write(name, line), event: () => {} },
    progress: (text) => process.stdout.write(`${text}\n`),
  });
  globalThis.stopTestServers = async () => {
    await servers.stop();
    logs.close();
    await guard.close();
  };
  await Promise.all([servers.kafka.start(), servers.postgres.start()]);
  process.env.TEST_KAFKA_BROKERS ??= servers.kafkaBrokers.join(',');
  process.env.TEST_DATABASE_URL ??= servers.adminUrl;
}

/** The folders of runs whose reaper was killed as well. */
function removeOldRuns(): void {
  mkdirSync(TEST_DIR, { recursive: true });
  for (const name of readdirSync(TEST_DIR)) {
    const pid = /^run-(\d+)/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) rmSync(join(TEST_DIR, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
