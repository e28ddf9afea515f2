import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { signalGroup } from './process-group.ts';

// The process that outlives a killed supervisor. It reads from a pipe which of the supervisor's processes live; when the
// pipe ends, however the supervisor ended, it stops what is left, runs the commands and removes the files it was told of. It is a
// process of its own because nothing inside the supervisor runs after `kill -9`.
//
// Lines, their words separated by tabs: watch PID SIGNAL ORDER, release PID, run COMMAND-AS-JSON, remove PATH.

const STOP_DEADLINE_MS = 6_000;

/** What lives, by pid. Those of order 1 serve the others (Kafka, PostgreSQL): they end when the others have said goodbye. */
const groups = new Map<number, { signal: NodeJS.Signals; order: number }>();
const commands: string[][] = [];
const paths: string[] = [];

// A Ctrl-C in the terminal is the supervisor's to answer; this process ends when the supervisor has.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, subject = '', signal = 'SIGTERM', order = '0'] = line.split('\t');
    if (verb === 'watch') groups.set(Number(subject), { signal: signal as NodeJS.Signals, order: Number(order) });
    else if (verb === 'release') groups.delete(Number(subject));
    else if (verb === 'run') commands.push(JSON.parse(subject) as string[]);
    else if (verb === 'remove') paths.push(subject);
  })
  .on('close', () => void reap());

async function reap(): Promise<void> {
  for (const turn of [0, 1]) {
    const due = [...groups].filter(([, { order }]) => order === turn);
    for (const [pid, { signal }] of due) {
      signalGroup(pid, signal);
      // A paused process takes its signal only once it goes on.
      signalGroup(pid, 'SIGCONT');
    }
    const deadline = Date.now() + STOP_DEADLINE_MS;
    while (Date.now() < deadline && due.some(([pid]) => signalGroup(pid, 0))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const [pid] of due) signalGroup(pid, 'SIGKILL');
  }
  for (const [command = '', ...args] of commands) spawnSync(command, args, { stdio: 'ignore', timeout: 60_000 });
  for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
