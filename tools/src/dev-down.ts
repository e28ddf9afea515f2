import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { composeDown } from './compose.ts';
import { stopSupervising, supervisor } from './lock.ts';
import { DEV_DIR } from './paths.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import { endLeftovers } from './process-list.ts';
import { removeStackFile } from './stack-file.ts';

// make dev-down: stops the local stack and keeps its data; with `--reset` (make dev-reset) drops the data as well.

const STOP_TIMEOUT_MS = 45_000;

const reset = process.argv.includes('--reset');
const holder = supervisor();
if (holder) await stop(holder);
const leftovers = await endLeftovers(join(DEV_DIR, 'processes.json'));
if (leftovers.length > 0) console.log(`Ended what an earlier stack left running: ${leftovers.join(', ')}.`);
await composeDown(reset);
removeStackFile();
stopSupervising();
if (reset) {
  for (const name of ['kafka', 'postgres', 'secrets.json', 'logs']) {
    rmSync(join(DEV_DIR, name), { recursive: true, force: true });
  }
}
const stopped = holder || leftovers.length > 0 ? 'The local stack is stopped' : 'No local stack was running';
console.log(`${stopped}; its data ${reset ? 'are dropped' : 'are kept'}.`);

async function stop(process_: ProcessIdentity): Promise<void> {
  process.kill(process_.pid, 'SIGTERM');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isAlive(process_)) {
    if (Date.now() > deadline) {
      console.log('It does not stop in order: killing it.');
      process.kill(process_.pid, 'SIGKILL');
      // Its reaper needs up to 12 s for the rest.
      await sleep(13_000);
      return;
    }
    await sleep(100);
  }
}
