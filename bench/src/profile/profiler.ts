import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Bench } from '../scenario.ts';
import { heapSummary, topFunctions } from './summary.ts';

const WRITE_DEADLINE_MS = 60_000;

/** Profiles services while something is measured. */
export class ServiceProfiler {
  readonly #dir: string;
  readonly #root: string;

  /** `dir` is emptied; the paths in its tables are relative to `root`. */
  constructor(dir: string, root: string) {
    this.#dir = dir;
    this.#root = root;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
  }

  /** What services need in their environment to be profiled. */
  get env(): Record<string, string> {
    const hook = pathToFileURL(join(import.meta.dirname, 'hook.js')).href;
    return { NODE_OPTIONS: `--import=${hook}`, PROFILE_DIR: this.#dir };
  }

  /** Begins and ends with what is measured. A scenario that measures several times leaves the profile of the last. */
  around(pids: () => Readonly<Record<string, number>>): Bench['measuring'] {
    return {
      begin: async () => {
        for (const name of readdirSync(this.#dir)) rmSync(join(this.#dir, name));
        for (const pid of Object.values(pids())) process.kill(pid, 'SIGUSR2');
      },
      end: async () => {
        const names = Object.keys(pids());
        for (const pid of Object.values(pids())) process.kill(pid, 'SIGUSR2');
        for (const deadline = Date.now() + WRITE_DEADLINE_MS; Date.now() < deadline; await delay(200)) {
          if (names.every((name) => existsSync(join(this.#dir, `${name}.heap.json`)))) return;
        }
      },
    };
  }

  /** Writes the tables beside the profiles and returns them, by service. */
  summaries(): Record<string, { cpu: string; heap: string }> {
    const names = readdirSync(this.#dir)
      .filter((name) => name.endsWith('.cpuprofile'))
      .map((name) => name.slice(0, -11));
    return Object.fromEntries(
      names.map((name) => {
        const cpu = topFunctions(join(this.#dir, `${name}.cpuprofile`), this.#root);
        const heap = heapSummary(join(this.#dir, `${name}.heap.json`), this.#root);
        writeFileSync(join(this.#dir, `${name}.cpu.txt`), `${cpu}\n`);
        writeFileSync(join(this.#dir, `${name}.heap.txt`), `${heap}\n`);
        return [name, { cpu, heap }];
      }),
    );
  }
}
