import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { createEdge } from './edge.ts';
import { Guard } from './guard.ts';
import { ROOT } from './paths.ts';
import { choosePorts, DEFAULT_PORTS, HOST } from './ports.ts';
import { ManagedProcess } from './process.ts';
import { healthTargets, serviceProcess } from './services.ts';

// npm start: all five services as built and an edge on PORT (3000), against the Kafka and PostgreSQL that the environment (or the
// file .env) names. For one machine; a cluster runs them by the Helm chart.

const REQUIRED: Record<string, string> = {
  DATABASE_URL: 'postgres://user:password@host:5432/database, the role of the services',
  KAFKA_BROKERS: 'host:port of the brokers, separated by commas',
  INTERNAL_TOKEN: 'a secret of at least 16 characters, for instance from `openssl rand -hex 32`',
  JWT_SECRET: 'a secret of at least 32 characters, for instance from `openssl rand -hex 32`',
};

if (existsSync(join(ROOT, '.env'))) process.loadEnvFile(join(ROOT, '.env'));
const environment = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => !!entry[1]),
);
const missing = Object.keys(REQUIRED).filter((name) => !environment[name] && !environment[`${name}_FILE`]);
if (missing.length > 0) {
  for (const name of missing) console.error(`${name} is not set: set it, or ${name}_FILE, to ${REQUIRED[name]}.`);
  process.exit(1);
}

// Behind the edge; another program's port is given way to.
const wanted = Object.fromEntries(SERVICES.map((name) => [name, DEFAULT_PORTS[name]])) as Record<ServiceName, number>;
const ports = await choosePorts(wanted, (name, port, chosen) =>
  console.error(`Port ${port} is in use by another program: ${name} takes ${chosen}.`),
);
const urls = Object.fromEntries(SERVICES.map((name) => [name, `http://${HOST}:${ports[name]}`])) as Record<
  ServiceName,
  string
>;
const hooks = {
  guard: new Guard(),
  output: (_name: string, line: string) => process.stdout.write(`${line}\n`),
  event: (event: { name: string; pid: number; kind: string; how?: string }) =>
    process.stdout.write(`${JSON.stringify({ time: Date.now(), service: 'start', ...event })}\n`),
};
const services = SERVICES.map((name) => {
  const own = {
    HOST,
    PORT: String(ports[name]),
    AUTH_URL: urls.auth,
    INGEST_URL: urls['ingest-gateway'],
    BUDGETS_URL: urls['budget-tracker'],
    HEALTH_TARGETS: healthTargets(urls),
  };
  return new ManagedProcess(serviceProcess(name, name, urls[name], { ...environment, ...own }), hooks);
});
const edge = createEdge({ upstreams: (name) => [urls[name]] });
await edge.listen(Number(environment.PORT ?? DEFAULT_PORTS.edge), environment.HOST ?? HOST);

const stop = async (exitCode: number) => {
  await edge.close();
  await Promise.all(services.map((service) => service.stop()));
  await hooks.guard.close();
  process.exit(exitCode);
};
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => void stop(0));
Promise.all(services.map((service) => service.start())).catch((error: Error) => {
  console.error(error.message);
  void stop(1);
});
