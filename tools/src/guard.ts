import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { systemEnvironment } from './environment.ts';
import { toolScript } from './paths.ts';

const REAPER = toolScript('reaper.js');
const REPLACE_AFTER_MS = 200;

/**
 * Keeps a promise even if this process is killed with SIGKILL: what is watched is stopped, what is
 * named is removed. The work is done by a process of its own (`reaper.ts`) that notices our end by the end of a pipe.
 */
export class Guard {
  /** The line that told the reaper, by pid. */
  readonly #watched = new Map<number, string>();
  readonly #last: string[] = [];
  #reaper: ChildProcess;
  #closed = false;

  constructor() {
    if (!existsSync(REAPER)) throw new Error(`${REAPER} is missing: run \`make build\`.`);
    this.#reaper = this.#spawnReaper();
  }

  /** The reaper's own pid, so that it can be named among the processes of a stack. Null while it is replaced. */
  get pid(): number | null {
    return this.#reaper.pid ?? null;
  }

  /**
   * From now on the process group `pid` is stopped by `signal` (SIGKILL after 6 s) when this process ends; a server of
   * the others only after them.
   */
  watch(pid: number, signal: NodeJS.Signals, servesOthers = false): void {
    const line = `watch\t${pid}\t${signal}\t${servesOthers ? 1 : 0}`;
    this.#watched.set(pid, line);
    this.#tell(line);
  }

  /** The process has ended by itself: its pid may soon be another's. */
  release(pid: number): void {
    this.#watched.delete(pid);
    this.#tell(`release\t${pid}`);
  }

  /** Removes the file, or the folder with everything in it, once this process has ended and all that was watched with it. */
  removeAtEnd(path: string): void {
    this.#atEnd(`remove\t${path}`);
  }

  /** Runs a command when this process has ended, however it did. */
  runAtEnd(command: readonly string[]): void {
    this.#atEnd(`run\t${JSON.stringify(command)}`);
  }

  /** Ends the reaper, which first stops what is still watched. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const gone = new Promise((resolve) => this.#reaper.once('exit', resolve));
    this.#reaper.ref();
    (this.#reaper.stdin as Writable).end();
    if (this.#reaper.exitCode === null && this.#reaper.signalCode === null) await gone;
  }

  #atEnd(line: string): void {
    this.#last.push(line);
    this.#tell(line);
  }

  #tell(line: string): void {
    (this.#reaper.stdin as Writable).write(`${line}\n`);
  }

  #replace(): void {
    if (this.#closed) return;
    this.#reaper = this.#spawnReaper();
    for (const line of [...this.#watched.values(), ...this.#last]) this.#tell(line);
  }

  #spawnReaper(): ChildProcess {
    // A session of its own: a Ctrl-C or a closed terminal reaches the supervisor, not the reaper.
    const reaper = spawn(process.execPath, [REAPER], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: systemEnvironment(),
    });
    reaper.unref();
    // Its pipe breaks only when it was killed; the exit below then replaces it.
    reaper.stdin.on('error', () => {});
    // The pipe alone must not keep a finished program (a test run) alive.
    (reaper.stdin as unknown as { unref?: () => void }).unref?.();
    reaper.once('error', (error) => {
      throw new Error(`Node.js could not be started to guard the stack (${error.message}): check ${process.execPath}.`);
    });
    // Somebody killed it. Not at once, so that one that cannot live does not keep us busy.
    reaper.once('exit', () => setTimeout(() => this.#replace(), REPLACE_AFTER_MS).unref());
    return reaper;
  }
}
