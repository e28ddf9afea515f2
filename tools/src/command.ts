import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Guard } from './guard.ts';
import { signalGroup } from './process-group.ts';

export interface CommandOptions {
  guard: Guard;
  env: Readonly<Record<string, string>>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Text for its standard input; none by default. */
  input?: string;
  /** Each line it writes, besides the ones kept for the error. */
  output?: (line: string) => void;
  /** Ends the command. */
  signal?: AbortSignal | undefined;
}

/** Runs a command that ends by itself. Resolves with what it wrote; rejects with its last lines unless it exits with 0. */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  options.signal?.throwIfAborted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...options.env },
    uid: options.uid,
    gid: options.gid,
    detached: true,
    stdio: 'pipe',
  });
  const lines: string[] = [];
  const title = [command, ...args].join(' ').slice(0, 200);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      options.output?.(line);
    });
  }
  // It may end without reading its input.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  if (child.pid !== undefined) options.guard.watch(child.pid, 'SIGTERM');
  const abort = () => {
    // The whole group: some programs are started by a script.
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGTERM');
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`\`${title}\` could not be started: ${error.message}`)));
      child.once('close', (code, signal) => {
        if (code === 0) resolve();
        else
          reject(
            new Error(`\`${title}\` ended with ${signal ?? `exit code ${code}`}:\n${lines.slice(-20).join('\n')}`),
          );
      });
    });
  } finally {
    options.signal?.removeEventListener('abort', abort);
    if (child.pid !== undefined) options.guard.release(child.pid);
  }
  return lines.join('\n');
}
