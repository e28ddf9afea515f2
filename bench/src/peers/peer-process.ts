import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** A peer that prints its address when it works, and ends when its standard input does. */
export class PeerProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly url: string;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Throws when it ends before it has printed its address. */
  static async start(command: string, args: readonly string[], cwd: string): Promise<PeerProcess> {
    const child = spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [''])])) as [string];
    if (!line.startsWith('http')) throw new Error(`${command} ended before it printed its address`);
    return new PeerProcess(child, line);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    this.#child.kill('SIGTERM');
    await ended;
  }
}
