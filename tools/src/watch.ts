import { watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import { runCommand } from './command.ts';
import { systemEnvironment } from './environment.ts';
import { Guard } from './guard.ts';
import { ROOT } from './paths.ts';
import type { RunningStack } from './running-stack.ts';

interface WatchOptions {
  stack: Pick<RunningStack, 'restartService'>;
  say: (text: string) => void;
}

/** An editor saves several files: it is compiled once nothing came for this long. */
const QUIET_MS = 150;

/**
 * Compiles what changes and restarts the service that it belongs to; all services when it is a library's. While something
 * does not compile, the errors are shown and everything runs on as it was. Returns what ends it.
 */
export function watchSources({ stack, say }: WatchOptions): () => Promise<void> {
  const end = new AbortController();
  const guard = new Guard();
  const waiting = new Set<ServiceName>();
  let lastChange = 0;
  let working: Promise<void> | null = null;

  const watchFolder = (folder: string, servicesOf: (file: string) => readonly ServiceName[]) => {
    watch(join(ROOT, folder), { recursive: true, signal: end.signal }, (_event, file) => {
      if (!file?.endsWith('.ts') || file.endsWith('.test.ts')) return;
      for (const name of servicesOf(file)) waiting.add(name);
      lastChange = Date.now();
      working ??= work().finally(() => {
        working = null;
      });
    });
  };

  // `tsc -b --watch` of TypeScript 7.0 overlooks changes, so each is compiled by a run of its own: a second.
  async function work(): Promise<void> {
    for (let compiled = 0; compiled < lastChange && !end.signal.aborted; ) {
      while (Date.now() - lastChange < QUIET_MS) await sleep(QUIET_MS);
      compiled = Date.now();
      if (!(await compile())) continue;
      const names = [...waiting];
      waiting.clear();
      say(`changed: restarting ${names.length === SERVICES.length ? 'all services' : names.join(', ')}`);
      await Promise.all(names.map((name) => stack.restartService(name).catch((error: Error) => say(error.message))));
    }
  }

  async function compile(): Promise<boolean> {
    const options = { guard, env: systemEnvironment(), cwd: ROOT, signal: end.signal };
    try {
      await runCommand(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b'], options);
      return true;
    } catch (error) {
      if (!end.signal.aborted) say(`${(error as Error).message}\nNothing is restarted until it compiles.`);
      return false;
    }
  }

  for (const name of SERVICES) watchFolder(`services/${name}/src`, () => [name]);
  watchFolder('libs', (file) => (file.includes('/src/') ? SERVICES : []));
  say('watching: a change is compiled, and what it belongs to is restarted');

  return async () => {
    end.abort();
    await working;
    await guard.close();
  };
}
