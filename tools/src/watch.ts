import { spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { ROOT } from './paths.ts';
import type { RunningStack } from './running-stack.ts';

interface WatchOptions {
  stack: Pick<RunningStack, 'restartService'>;
  say: (text: string) => void;
  signal: AbortSignal;
}

/** The compiler writes a change file by file: it is acted on once nothing came for this long. */
const QUIET_MS = 300;

/**
 * Compiles what changes and restarts the service that it belongs to; all services when it is a library's. A change that does
 * not compile is reported and changes nothing that runs.
 */
export function watchSources({ stack, say, signal }: WatchOptions): void {
  const compiler = spawn(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', '--watch', '--preserveWatchOutput'],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      signal,
    },
  );
  compiler.on('error', (error) => signal.aborted || say(`the compiler failed: ${error.message}`));
  createInterface({ input: compiler.stdout }).on('line', (line) => line.includes('error') && say(line));

  const waiting = new Set<ServiceName>();
  let timer: NodeJS.Timeout | undefined;
  const changed = (file: string | null, services: readonly ServiceName[]) => {
    if (!file?.endsWith('.js')) return;
    for (const name of services) waiting.add(name);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const names = [...waiting];
      waiting.clear();
      say(`changed: restarting ${names.length === SERVICES.length ? 'all services' : names.join(', ')}`);
      for (const name of names) {
        stack.restartService(name).catch((error: Error) => signal.aborted || say(`${name}: ${error.message}`));
      }
    }, QUIET_MS);
  };
  for (const name of SERVICES) watchFolder(`services/${name}/dist`, (file) => changed(file, [name]));
  watchFolder('libs', (file) => file?.includes('/dist/') && changed(file, SERVICES));

  function watchFolder(folder: string, listener: (file: string | null) => void): void {
    const path = join(ROOT, folder);
    if (existsSync(path)) watch(path, { recursive: true, signal }, (_event, file) => listener(file));
  }
}
