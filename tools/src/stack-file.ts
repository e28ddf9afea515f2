import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { z } from 'zod';
import { DEV_DIR } from './paths.ts';
import { readJson, writeWhole } from './whole-file.ts';

const pid = z.int().positive();

/** `.dev/stack.json`: all that tests, benchmarks and people need to use the local stack. */
const stackFile = z.object({
  edgeUrl: z.url(),
  wsUrl: z.url(),
  /** PostgreSQL as its superuser: row-level security hides nothing. */
  databaseUrl: z.url(),
  kafkaBrokers: z.array(z.string()),
  /** Null where no Jaeger runs. */
  jaegerUrl: z.url().nullable(),
  /** The same of Prometheus and Grafana. */
  prometheusUrl: z.url().nullable().default(null),
  grafanaUrl: z.url().nullable().default(null),
  orgs: z.array(
    z.object({ slug: z.string(), adminApiKey: z.string(), producerApiKey: z.string(), subscriberApiKey: z.string() }),
  ),
  services: z.record(
    z.enum(SERVICES as [ServiceName, ...ServiceName[]]),
    // No pid while a process that ended waits to be started again.
    z.object({ url: z.url(), pids: z.array(pid) }),
  ),
  pids: z.object({ kafka: pid.nullable(), postgres: pid.nullable() }),
});
export type StackFile = z.infer<typeof stackFile>;

export const STACK_FILE = join(DEV_DIR, 'stack.json');

/** Writes the file at once and for its owner only: it names the superuser's password. */
export function writeStackFile(content: StackFile, file = STACK_FILE): void {
  writeWhole(file, `${JSON.stringify(content, null, 2)}\n`, 0o600);
}

/** The stack that runs; null when none is ready. Throws when the file is not of this version. */
export function readStackFile(file = STACK_FILE): StackFile | null {
  const content = readJson(file);
  if (content === null) return null;
  const parsed = stackFile.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new Error(`${file} is not what this version writes: run \`make dev-down\`, then \`make dev\`.`);
}

export function removeStackFile(file = STACK_FILE): void {
  rmSync(file, { force: true });
}
