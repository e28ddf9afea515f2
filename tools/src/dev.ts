import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectText } from './connect-help.ts';
import { supervisor } from './lock.ts';
import { DEV_DIR, ROOT } from './paths.ts';
import { readStackFile } from './stack-file.ts';
import { type StackKind, supervise } from './supervise.ts';

// make dev: `dev.js` stays in the foreground; `dev.js --detach` leaves a supervisor in the background and returns when all is
// ready; `--watch` compiles and restarts on changes. STACK chooses how the parts are run.

/** What the supervisor in the background tells the command that started it. */
type Message = { say: string } | { ready: boolean };

const START_TIMEOUT_MS = 10 * 60_000;

const { values } = parseArgs({
  options: { detach: { type: 'boolean' }, watch: { type: 'boolean' }, background: { type: 'boolean' } },
});
const kind = (process.env.STACK || 'auto') as StackKind;

try {
  if (process.env.NODE_ENV === 'production') {
    throw new Error('NODE_ENV is production: the local stack has demo keys that everybody knows. Unset NODE_ENV.');
  }
  if (!['native', 'compose', 'auto'].includes(kind)) {
    throw new Error(`STACK=${kind} is not known: leave it out, or write STACK=native or STACK=compose.`);
  }
  if (values.background) await runInBackground();
  else if (supervisor()) await showRunning();
  else if (values.detach) await detach();
  else await runInForeground();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
// Watchers and pipes of what has been stopped are of no more use.
process.exit();

async function runInForeground(): Promise<void> {
  const end = new AbortController();
  endOnSignals(end);
  // A terminal that is gone refuses output; a killed `make` leaves us with another parent.
  process.stdout.on('error', () => end.abort());
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || end.abort(), 500).unref();
  await supervise({ kind, watch: values.watch ?? false, signal: end.signal, report: () => {}, ready: () => {} });
}

async function runInBackground(): Promise<void> {
  const end = new AbortController();
  endOnSignals(end);
  let isReady = false;
  const tell = (message: Message) => process.connected && process.send?.(message);
  // The command that waits for us was ended: nobody wants the stack.
  process.once('disconnect', () => isReady || end.abort());
  await supervise({
    kind,
    watch: values.watch ?? false,
    signal: end.signal,
    report: (say) => tell({ say }),
    ready: (proven) => {
      isReady = true;
      tell({ ready: proven });
    },
  });
}

function endOnSignals(end: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Asked a second time: the reaper ends what is left.
      if (end.signal.aborted) process.exit(1);
      end.abort();
    });
  }
}

/** Starts the supervisor in a session of its own and shows what it says until all is ready. */
async function detach(): Promise<void> {
  mkdirSync(join(DEV_DIR, 'logs'), { recursive: true });
  const logFile = join(DEV_DIR, 'logs/dev.log');
  const log = openSync(logFile, 'w');
  const args = [join(import.meta.dirname, 'dev.js'), '--background', ...(values.watch ? ['--watch'] : [])];
  const child = spawn(process.execPath, args, { cwd: ROOT, detached: true, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: Message) => {
      if ('say' in message) process.stdout.write(`${message.say}\n`);
      else if (message.ready) resolve();
      else reject(new Error('The stack is up, but its proof failed; see above.'));
    });
    child.once('error', reject);
    child.once('exit', () =>
      reject(new Error(`The stack could not be started. Its log is ${logFile}:\n${lastLines(logFile)}`)),
    );
  });
  child.removeAllListeners('exit');
  child.disconnect();
  child.unref();
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-25).join('\n');
}

/** A stack runs already: waits until it is ready and says how to use it. */
async function showRunning(): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let told = false;
  for (;;) {
    const stack = readStackFile();
    if (stack) {
      process.stdout.write(`The stack is running already.\n\n${connectText(stack)}\n`);
      return;
    }
    if (!supervisor()) throw new Error('The stack that was being started has ended: run `make dev` again.');
    if (Date.now() > deadline) throw new Error('The stack that was being started is not ready: run `make dev-down`.');
    if (!told) process.stdout.write('Another `make dev` is starting the stack; waiting for it.\n');
    told = true;
    await sleep(300);
  }
}
