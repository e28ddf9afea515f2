import { join } from 'node:path';
import type { ServiceName } from '@governsai/contracts';
import { startStack } from '../../tools/src/stack.ts';
import { readStackFile } from '../../tools/src/stack-file.ts';

/** What the main job needs of the system it runs against. */
export interface StackUnderTest {
  edgeUrl: string;
  wsUrl: string;
  /** PostgreSQL as superuser. */
  databaseUrl: string;
  /** The base URL of each replica. */
  urlsOf(service: ServiceName): string[];
  stop(): Promise<void>;
}

/**
 * A stack of the test's own, or, where E2E_STACK names the `stack.json` of one that runs (of `make dev` with containers, say), that one,
 * which is left running. It has to be new: the specification's org must not be there yet.
 */
export async function stackUnderTest(): Promise<StackUnderTest> {
  if (process.env.E2E_STACK) {
    const running = readStackFile(process.env.E2E_STACK);
    if (!running)
      throw new Error(`E2E_STACK: there is no ${process.env.E2E_STACK}; start the stack with \`make dev\`.`);
    return { ...running, urlsOf: (service) => [running.services[service].url], stop: async () => {} };
  }
  const dir = join(import.meta.dirname, '../../.test', `e2e-${process.pid}`);
  const stack = await startStack({ dir, temporary: true });
  return {
    edgeUrl: stack.edgeUrl,
    wsUrl: stack.wsUrl,
    databaseUrl: stack.databaseUrl,
    urlsOf: (service) => stack.service(service).replicas.map(({ url }) => url),
    stop: () => stack.stop(),
  };
}
