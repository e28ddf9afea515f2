import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCompose, whyNotCompose } from './compose.ts';
import { connectText, proofText } from './connect-help.ts';
import { Console } from './console.ts';
import { becomeSupervisor, stopSupervising } from './lock.ts';
import { startNative } from './native-stack.ts';
import { prove } from './proof.ts';
import type { RunningStack } from './running-stack.ts';
import { removeStackFile, type StackFile, writeStackFile } from './stack-file.ts';
import { watchSources } from './watch.ts';

/** How the parts are run: as processes, as containers, or as what is to be had. */
export type StackKind = 'native' | 'compose' | 'auto';

interface SuperviseOptions {
  kind: StackKind;
  /** Compile what changes and restart what it belongs to. */
  watch: boolean;
  /** Ends the stack when it fires. */
  signal: AbortSignal;
  /** Told the progress, besides the console. */
  report: (text: string) => void;
  /** Told when everything is ready; `proven`: the decision that was sent has come back. */
  ready: (proven: boolean) => void;
}

/**
 * Starts the local stack and keeps it until the signal fires. Resolves with the exit code of the command; rejects when it
 * could not be started. Either way nothing is left running.
 */
export async function supervise({ kind, watch, signal, report, ready }: SuperviseOptions): Promise<void> {
  const startedAt = Date.now();
  const console = new Console();
  const say = (text: string) => {
    console.say(text);
    report(text);
  };
  let stack: RunningStack | null = null;
  let stopWatching = async () => {};
  const describeStack = () => stack && writeStackFile(stack.describe());
  if (becomeSupervisor()) throw new Error('Another `make dev` has just begun: wait for it, or run `make dev-down`.');
  try {
    const refusal = kind === 'native' ? null : await whyNotCompose(say, signal);
    if (kind === 'compose' && refusal) throw new Error(`${refusal} Mend that, or leave STACK out to run natively.`);
    if (refusal) say(`${refusal} Running natively.`);
    const common = { say, signal, changed: describeStack, console };
    stack = kind === 'native' || refusal ? await startNative(common) : await startCompose(common);
    describeStack();
    const proven = await proveAloud(stack.describe(), say);
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    say(`\nAll is ${proven ? 'ready' : 'up'} after ${seconds} s.\n\n${connectText(stack.describe())}\n`);
    ready(proven);
    if (watch) stopWatching = watchSources({ stack, say });
    if (!signal.aborted) await once(signal, 'abort');
    say('stopping …');
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    removeStackFile();
    await stopWatching();
    await stack?.stop();
    removeStackFile();
    stopSupervising();
    say('stopped');
    // A terminal that reads slowly gets the last line.
    await sleep(50);
  }
}

async function proveAloud(stack: StackFile, say: (text: string) => void): Promise<boolean> {
  try {
    say('all services are ready; sending one decision');
    say(proofText(await prove(stack)));
    return true;
  } catch (error) {
    say(
      `The decision sent as a proof did not come back: ${(error as Error).message}\n` +
        'The stack stays up: see .dev/logs, or run `make dev-reset` if you changed the demo orgs.',
    );
    return false;
  }
}
