import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signalGroup } from './process-group.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import { readJson, writeWhole } from './whole-file.ts';

/**
 * The processes of a stack in a file, so that even those can be found and ended that outlived their supervisor and its
 * reaper, which takes a `kill -9` of both.
 */
export class ProcessList {
  readonly #file: string;
  readonly #entries = new Map<string, ProcessIdentity>();

  constructor(file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
  }

  /** Notes which process now goes by this name; null: none. */
  set(name: string, pid: number | null): void {
    const identity = pid === null ? null : identify(pid);
    if (identity) this.#entries.set(name, identity);
    else this.#entries.delete(name);
    writeWhole(this.#file, `${JSON.stringify(Object.fromEntries(this.#entries))}\n`, 0o644);
  }

  remove(): void {
    rmSync(this.#file, { force: true });
  }
}

/** Ends what an earlier stack left running, by its file. Resolves with the names of what it found alive. */
export async function endLeftovers(file: string): Promise<string[]> {
  const entries = (readJson(file) ?? {}) as Record<string, ProcessIdentity>;
  const alive = Object.entries(entries).filter(([, identity]) => isAlive(identity));
  // The servers last: the services want to say goodbye to them.
  const isServer = ([name]: readonly [string, unknown]) => name === 'kafka' || name === 'postgres';
  for (const group of [alive.filter((entry) => !isServer(entry)), alive.filter(isServer)]) {
    await Promise.all(group.map(([name, identity]) => endGroup(identity, name === 'postgres' ? 'SIGINT' : 'SIGTERM')));
  }
  rmSync(file, { force: true });
  return alive.map(([name]) => name);
}

async function endGroup(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  for (const [next, waitMs] of [
    [signal, 0],
    ['SIGCONT', 5_000],
    ['SIGKILL', 2_000],
  ] as const) {
    if (!isAlive(identity)) return;
    signalGroup(identity.pid, next);
    for (const deadline = Date.now() + waitMs; isAlive(identity) && Date.now() < deadline; ) await sleep(50);
  }
}
