import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@governsai/contracts';
// biome-ignore lint/correctness/useImportExtensions: it is JavaScript, its types lie beside it
import { nativeProblems } from '../bootstrap/prerequisites.mjs';
import type { Console } from './console.ts';
import { kafkaJarsFolder } from './kafka.ts';
import { LOCK_FILE } from './lock.ts';
import { startObservers } from './observers.ts';
import { DEV_DIR } from './paths.ts';
import { choosePorts, DEFAULT_PORTS, HOST } from './ports.ts';
import type { ProcessEvent } from './process.ts';
import { endLeftovers } from './process-list.ts';
import type { RunningStack } from './running-stack.ts';
import { startStack } from './stack.ts';
import { STACK_FILE } from './stack-file.ts';

interface NativeOptions {
  console: Console;
  say: (text: string) => void;
  /** Told whenever a process came or went. */
  changed: () => void;
  signal: AbortSignal;
}

/** Starts the local stack as processes of this machine, on its usual ports where they are free. */
export async function startNative({ console, say, changed, signal }: NativeOptions): Promise<RunningStack> {
  const problems = nativeProblems(existsSync(kafkaJarsFolder()));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const leftovers = await endLeftovers(join(DEV_DIR, 'processes.json'));
  if (leftovers.length > 0) say(`ended what an earlier stack left running: ${leftovers.join(', ')}`);
  const ports = await choosePorts(DEFAULT_PORTS, (name, wanted, chosen) =>
    say(`port ${wanted} is in use by another program: ${name} takes ${chosen}`),
  );
  const observers = await startObservers({
    dir: DEV_DIR,
    targets: SERVICES.map((name) => `${HOST}:${ports[name]}`),
    say,
    output: (name, line) => console.output(name, line),
  });
  const stack = await startStack({
    dir: DEV_DIR,
    ports,
    env: Object.fromEntries(SERVICES.map((name) => [name, observers.env])) as Record<
      ServiceName,
      Record<string, string>
    >,
    signal,
    progress: say,
    removeAtEnd: [STACK_FILE, LOCK_FILE],
    output: (name, line) => console.output(name, line),
    event: (event) => {
      const text = eventText(event);
      if (text) say(text);
      changed();
    },
  }).catch(async (error: unknown) => {
    await observers.stop();
    throw error;
  });
  return {
    describe: () => ({ ...stack.describe(), ...observers.urls }),
    restartService: (name) => stack.service(name).restart(),
    stop: async () => {
      await stack.stop();
      // After the services: their last spans are on the way.
      await observers.stop();
    },
  };
}

function eventText(event: ProcessEvent): string | null {
  if (event.kind === 'spawned') return `${event.name} runs as pid ${event.pid}`;
  if (event.kind === 'ready') return `${event.name} is ready`;
  if (event.restartInMs === null) return `${event.name} (pid ${event.pid}) ${event.how}`;
  return `${event.name} (pid ${event.pid}) ${event.how}; starting it again in ${event.restartInMs / 1000} s`;
}
