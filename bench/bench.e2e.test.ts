import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const CLI = join(import.meta.dirname, 'dist/bench-cli.js');

it('G1 G4 G5: every scenario of the benchmark runs, and what it stores, pushes, holds and counts adds up (`make bench` measures)', async () => {
  if (!existsSync(CLI)) throw new Error('the benchmark is not built: run `make build` first');
  const run = spawn(process.execPath, ['--enable-source-maps', CLI, '--smoke'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [code] = await once(run, 'exit');
  expect(code).toBe(0);
}, 600_000);
