import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { systemEnvironment } from './environment.ts';
import { Guard } from './guard.ts';
import { ROOT } from './paths.ts';
import { ManagedProcess } from './process.ts';
import type { RunningStack } from './running-stack.ts';

interface WatchOptions {
  stack: Pick<RunningStack, 'restartService'>;
  say: (text: string) => void;
}

/** The compiler writes a change file by file: it is acted on once nothing came for this long. */
const QUIET_MS = 300;

/**
 * Compiles what changes and restarts the service that it belongs to; all services when it is a library's. While something
 * does not compile, the errors are shown and everything runs on as it was. Resolves with what ends it.
 */
export async function watchSources({ stack, say }: WatchOptions): Promise<() => Promise<void>> {
  const end = new AbortController();
  const waiting = new Set<ServiceName>();
  let compiles = true;
  let timer: NodeJS.Timeout | undefined;

  const restartSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(restart, QUIET_MS);
  };
  const restart = () => {
    if (!compiles || waiting.size === 0 || end.signal.aborted) return;
    const names = [...waiting];
    waiting.clear();
    say(`changed: restarting ${names.length === SERVICES.length ? 'all services' : names.join(', ')}`);
    for (const name of names) {
      stack.restartService(name).catch((error: Error) => end.signal.aborted || say(`${name}: ${error.message}`));
    }
  };
  const changed = (file: string | null, services: readonly ServiceName[]) => {
    if (!file?.endsWith('.js')) return;
    for (const name of services) waiting.add(name);
    restartSoon();
  };
  const watchFolder = (folder: string, listener: (file: string | null) => void) => {
    const path = join(ROOT, folder);
    if (existsSync(path)) watch(path, { recursive: true, signal: end.signal }, (_event, file) => listener(file));
  };

  const guard = new Guard();
  const compiler = new ManagedProcess(
    {
      name: 'compiler',
      command: process.execPath,
      args: [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', '--watch', '--preserveWatchOutput'],
      env: systemEnvironment(),
      cwd: ROOT,
      stopSignal: 'SIGTERM',
      ready: { line: /Watching for file changes/ },
    },
    {
      guard,
      event: () => {},
      output: (_name, line) => {
        const errors = /Found (\d+) errors?/.exec(line)?.[1];
        if (errors !== undefined) compiles = errors === '0';
        if (line.includes(': error ') || (errors && !compiles)) say(line);
        if (errors !== undefined) restartSoon();
      },
    },
  );
  await compiler.start();
  say('watching: a change is compiled, and what it belongs to is restarted');
  for (const name of SERVICES) watchFolder(`services/${name}/dist`, (file) => changed(file, [name]));
  watchFolder('libs', (file) => file?.includes('/dist/') && changed(file, SERVICES));

  return async () => {
    end.abort();
    clearTimeout(timer);
    await compiler.stop();
    await guard.close();
  };
}
