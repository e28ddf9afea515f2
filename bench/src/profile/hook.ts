import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { basename, join } from 'node:path';
import { getHeapSpaceStatistics } from 'node:v8';

/**
 * Loaded into a service that is to be profiled (`node --import`). The first SIGUSR2 begins, the second ends and writes
 * `<service>.cpuprofile` (what Chrome, VS Code and speedscope show as a flame graph) and `<service>.heap.json` to PROFILE_DIR.
 */
const SAMPLE_EVERY_US = 500;
const HEAP_SAMPLE_BYTES = 64 * 1024;

const session = new Session();
session.connect();
let running = false;
// A signal that came while the last one is worked on waits for it.
let turn: Promise<void> = Promise.resolve();

process.on('SIGUSR2', () => {
  turn = turn.then(running ? end : begin);
  running = !running;
});

async function begin(): Promise<void> {
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  await session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLE_BYTES });
  await session.post('Profiler.start');
}

async function end(): Promise<void> {
  const { profile } = await session.post('Profiler.stop');
  const heap = await session.post('HeapProfiler.stopSampling');
  const dir = process.env.PROFILE_DIR ?? '.';
  const name = basename(join(process.argv[1] ?? '', '../..'));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, `${name}.cpuprofile`), JSON.stringify(profile));
  // Last: whoever waits for it finds both.
  writeFileSync(
    join(dir, `${name}.heap.json`),
    JSON.stringify({ spaces: getHeapSpaceStatistics(), memory: process.memoryUsage(), profile: heap.profile }),
  );
}
