import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const CLI = join(import.meta.dirname, 'dist/chaos-cli.js');

it('G1 G2 G3 G4 G5 G8 G9: nothing is lost and nothing doubled, whatever is killed, cut off or rolled (`make chaos` runs the long form)', async () => {
  if (!existsSync(CLI)) throw new Error('the chaos suite is not built: run `make build` first');
  // A process of its own, its output as it comes: it is long, and to be watched.
  const run = spawn(process.execPath, ['--enable-source-maps', CLI, '--short'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [code] = await once(run, 'exit');
  expect(code).toBe(0);
}, 1_200_000);
