import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { exportedServiceSettings, systemEnvironment } from './environment.ts';
import { ROOT } from './paths.ts';
import { HOST } from './ports.ts';
import type { ProcessSpec } from './process.ts';
import type { Secrets } from './secrets.ts';

/** What the services of one stack have in common. */
export interface StackFacts {
  secrets: Pick<Secrets, 'internalToken' | 'jwtSecret' | 'checkpointKey'>;
  /** PostgreSQL as the services' role. */
  databaseUrl: string;
  kafkaBrokers: readonly string[];
  topicPrefix: string;
  /** Where each service is reached by the others. */
  urls: Readonly<Record<ServiceName, string>>;
}

type Environment = Record<string, string>;

/** What each service needs beyond what all of them get: the one table. */
const OWN_ENVIRONMENT: Record<ServiceName, (facts: StackFacts) => Environment> = {
  auth: ({ secrets, urls }) => ({ JWT_SECRET: secrets.jwtSecret, HEALTH_TARGETS: healthTargets(urls) }),
  'ingest-gateway': ({ urls }) => ({ AUTH_URL: urls.auth }),
  'decision-writer': ({ secrets, urls }) => ({ AUTH_URL: urls.auth, CHECKPOINT_KEY: secrets.checkpointKey }),
  'budget-tracker': ({ urls }) => ({ AUTH_URL: urls.auth }),
  'push-gateway': ({ urls }) => ({
    AUTH_URL: urls.auth,
    INGEST_URL: urls['ingest-gateway'],
    BUDGETS_URL: urls['budget-tracker'],
  }),
};

/** Settings for a developer's machine; exported variables and `extra` win over them. */
const LOCAL_SETTINGS: Environment = {
  NODE_ENV: 'development',
  // Restarts are frequent here and nobody's work is in flight.
  DRAIN_SECONDS: '2',
  // What a developer just stopped is to be seen at once.
  HEALTH_CHECK_INTERVAL: '1000',
};

/** The environment of one process of a service that listens on `port`. */
export function serviceEnvironment(
  name: ServiceName,
  port: number,
  facts: StackFacts,
  extra: Environment = {},
): Environment {
  return {
    ...systemEnvironment(),
    ...LOCAL_SETTINGS,
    ...exportedServiceSettings(),
    HOST,
    PORT: String(port),
    INTERNAL_TOKEN: facts.secrets.internalToken,
    DATABASE_URL: facts.databaseUrl,
    KAFKA_BROKERS: facts.kafkaBrokers.join(','),
    KAFKA_TOPIC_PREFIX: facts.topicPrefix,
    ...OWN_ENVIRONMENT[name](facts),
    ...extra,
  };
}

/** The compiled entry of a service. */
function serviceEntry(name: ServiceName): string {
  return join(ROOT, 'services', name, 'dist/main.js');
}

/** How one process of a service is run. `processName` tells replicas apart. */
export function serviceProcess(
  name: ServiceName,
  processName: string,
  url: string,
  environment: Environment,
): ProcessSpec & { url: string } {
  return {
    name: processName,
    url,
    command: process.execPath,
    args: ['--enable-source-maps', serviceEntry(name)],
    env: environment,
    cwd: ROOT,
    stopSignal: 'SIGTERM',
    ready: { url: `${url}/readyz` },
  };
}

/** Where auth asks how the others are, for the one answer about all. */
export function healthTargets(urls: StackFacts['urls']): string {
  const others = SERVICES.filter((name) => name !== 'auth');
  return others.map((name) => `${name}=${urls[name]}`).join(',');
}
