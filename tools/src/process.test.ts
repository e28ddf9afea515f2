import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Guard } from './guard.ts';
import { toolScript } from './paths.ts';
import { ManagedProcess, type ProcessEvent, type ProcessSpec } from './process.ts';
import { identify } from './process-identity.ts';

const SERVER = `
  process.on('SIGTERM', () => process.exit(0));
  console.log('works');
  setInterval(() => {}, 1000);
`;

let guard: Guard;
let events: ProcessEvent[];
beforeEach(() => {
  guard = new Guard();
  events = [];
});
afterEach(() => guard.close());

function managed(code: string, spec: Partial<ProcessSpec> = {}): ManagedProcess {
  return new ManagedProcess(
    {
      name: 'sample',
      command: process.execPath,
      args: ['-e', code],
      env: {},
      stopSignal: 'SIGTERM',
      ready: { line: /works/ },
      ...spec,
    },
    { guard, output: () => {}, event: (event) => events.push(event) },
  );
}

const kinds = () => events.map((event) => event.kind);

describe('a process of the stack', () => {
  it('that is killed is started again with a new pid, and its exit is told', async () => {
    const sample = managed(SERVER);
    await sample.start();
    const first = sample.pid;
    await sample.kill('SIGKILL');
    expect(sample.isReady).toBe(false);
    await sample.whenReady();
    expect(sample.pid).not.toBe(first);
    expect(kinds()).toEqual(['spawned', 'ready', 'ended', 'spawned', 'ready']);
    expect(events[2]).toMatchObject({ pid: first, how: 'was killed by SIGKILL', restartInMs: 250 });
    await sample.stop();
  });

  it('that was stopped stays so until it is started', async () => {
    const sample = managed(SERVER);
    await sample.start();
    await sample.stop();
    await sleep(600);
    expect(sample.pid).toBeNull();
    expect(events.at(-1)).toMatchObject({ kind: 'ended', how: 'ended with exit code 0', restartInMs: null });
    await sample.start();
    expect(sample.pid).not.toBeNull();
    await sample.stop();
  });

  it('that is paused can be stopped', async () => {
    const sample = managed(SERVER);
    await sample.start();
    sample.pause();
    await sample.stop();
    expect(sample.pid).toBeNull();
  });

  it('that ends again and again is waited for longer each time, and given up with its last lines', async () => {
    const sample = managed(`console.error('no database'); process.exit(3)`);
    await expect(sample.start()).rejects.toThrow(/ended 4 times before it was ready.*no database/s);
    const pauses = events.flatMap((event) => (event.kind === 'ended' ? [event.restartInMs] : []));
    expect(pauses.slice(0, 3)).toEqual([250, 500, 1000]);
    await sample.stop();
  });

  it('that does not exist is named', async () => {
    const sample = managed('', { command: '/no/such/program' });
    const started = sample.start();
    await expect(started).rejects.toThrow('sample ended 4 times');
    expect(events[0]).toMatchObject({ kind: 'ended', how: expect.stringContaining('/no/such/program') });
    await sample.stop();
  });
});

describe('a supervisor that is killed with SIGKILL', () => {
  it('leaves no process, not even one that was paused, and no folder it wanted removed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'supervised-'));
    const supervisor = spawn(
      process.execPath,
      ['--input-type=module', '-e', SUPERVISOR, pathToFileURL(toolScript('')).href, folder],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [line] = (await once(createInterface({ input: supervisor.stdout }), 'line')) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids.map((pid) => identify(pid) !== null)).toEqual([true, true, true]);
    supervisor.kill('SIGKILL');
    const deadline = Date.now() + 15_000;
    while (pids.some((pid) => identify(pid)) && Date.now() < deadline) await sleep(50);
    expect(pids.filter((pid) => identify(pid))).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    rmSync(folder, { recursive: true, force: true });
  });
});

/** Starts two processes, pauses one and prints their pids and its reaper's. Arguments: the compiled tools, a folder. */
const SUPERVISOR = `
  const [tools, folder] = process.argv.slice(1);
  const { Guard } = await import(tools + '/guard.js');
  const { ManagedProcess } = await import(tools + '/process.js');
  const guard = new Guard();
  guard.removeAtEnd(folder);
  const hooks = { guard, output: () => {}, event: () => {} };
  const spec = {
    name: 'sample', command: process.execPath, args: ['-e', ${JSON.stringify(SERVER)}], env: {},
    stopSignal: 'SIGTERM', ready: { line: /works/ },
  };
  const [one, two] = [new ManagedProcess(spec, hooks), new ManagedProcess(spec, hooks)];
  await Promise.all([one.start(), two.start()]);
  two.pause();
  console.log(JSON.stringify([one.pid, two.pid, guard.pid]));
`;
