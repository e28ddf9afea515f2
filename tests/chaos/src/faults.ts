import { setTimeout as delay } from 'node:timers/promises';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import type { Stack } from '../../../tools/dist/stack.js';
import type { Lines } from './lines.ts';
import type { Random } from './random.ts';

interface FaultContext {
  stack: Stack;
  /** The lines between the services and their servers. */
  lines: Lines;
  random: Random;
  /** True: outages as long as an operator would fear; false: just long enough to be felt. */
  long: boolean;
}

/** Something that goes wrong. Resolves when it is over; what it broke may still be recovering. */
export interface Fault {
  name: string;
  inject(context: FaultContext): Promise<void>;
}

const killOf = (name: ServiceName): Fault => ({
  name: `kill -9 ${name}`,
  async inject({ stack, random }) {
    const replica = random.pick(stack.service(name).replicas);
    await replica.kill('SIGKILL');
    await replica.whenReady();
  },
});

const serverKill = (server: 'kafka' | 'postgres'): Fault => ({
  name: `kill -9 ${server}`,
  async inject({ stack }) {
    await stack[server].kill('SIGKILL');
    await stack[server].whenReady();
  },
});

const rollOf = (name: ServiceName): Fault => ({
  name: `roll ${name} (SIGTERM)`,
  inject: ({ stack }) => stack.service(name).restart(),
});

const outage = (server: 'kafka' | 'postgres', seconds: number): Fault => ({
  name: `${server} stopped for ${seconds} s`,
  async inject({ stack }) {
    await stack[server].stop();
    await delay(seconds * 1000);
    await stack[server].start();
  },
});

/** A writer that is frozen for longer than its session: another one takes its partitions, and it wakes up without them. */
const frozenWriter: Fault = {
  name: 'decision-writer frozen past its session',
  async inject({ stack, random, long }) {
    const replica = random.pick(stack.service('decision-writer').replicas);
    replica.pause();
    await delay(long ? 35_000 : 13_000);
    replica.resume();
  },
};

const cut = (server: 'kafka' | 'postgres'): Fault => ({
  name: `connections to ${server} cut, again and again`,
  async inject({ lines, random }) {
    for (let i = 0; i < 5; i++) {
      lines[server].cut();
      await delay(random.between(200, 1500));
    }
  },
});

const slow = (server: 'kafka' | 'postgres'): Fault => ({
  name: `connections to ${server} slow, then stalled`,
  async inject({ lines, random, long }) {
    lines[server].delayMs = random.between(50, 150);
    await delay(3000);
    lines[server].stalled = true;
    await delay(long ? 8000 : 3000);
    lines[server].stalled = false;
    lines[server].delayMs = 0;
  },
});

/** All of them, in the order they are run in. */
export const ALL_FAULTS: readonly Fault[] = [
  ...SERVICES.map(killOf),
  serverKill('postgres'),
  serverKill('kafka'),
  frozenWriter,
  cut('postgres'),
  cut('kafka'),
  slow('postgres'),
  slow('kafka'),
  ...SERVICES.map(rollOf),
  outage('postgres', 60),
  outage('kafka', 20),
];

/** What fits beside the other tests: one of each kind that has its own way of going wrong. */
export const SHORT_FAULTS: readonly Fault[] = [
  killOf('decision-writer'),
  killOf('push-gateway'),
  killOf('budget-tracker'),
  serverKill('postgres'),
  serverKill('kafka'),
  cut('postgres'),
  rollOf('ingest-gateway'),
];
