import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const CLI = join(import.meta.dirname, 'dist/subscribers-cli.js');

it('G4 G9: every subscriber ends with every seq of its selection once and in order, whatever is killed, rolled, frozen or broken (`make subscribers` runs the long form)', async () => {
  if (!existsSync(CLI)) throw new Error('the program is not built: run `make build` first');
  const run = spawn(process.execPath, ['--enable-source-maps', CLI, '--short'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [code] = await once(run, 'exit');
  expect(code).toBe(0);
}, 300_000);
