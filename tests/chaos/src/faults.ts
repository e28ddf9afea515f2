import { setTimeout as delay } from 'node:timers/promises';
import { SERVICES, type ServiceName } from '@governsai/contracts';
import type { Stack } from '../../../tools/dist/stack.js';
import type { DeadLetters } from './dead-letters.ts';
import type { Lines } from './lines.ts';
import type { Outage } from './outage.ts';
import type { Random } from './random.ts';

interface FaultContext {
  stack: Stack;
  /** The lines between the services and their servers. */
  lines: Lines;
  deadLetters: DeadLetters;
  random: Random;
  /** True: outages as long as an operator would fear; false: just long enough to be felt. */
  long: boolean;
}

/** Something that goes wrong. */
export interface Fault {
  name: string;
  /** Processes of services that it kills. None unless said. */
  kills?: number;
  /** Resolves when it is over, with the outage that it was, if it was one; what it broke may still be recovering. */
  inject(context: FaultContext): Promise<Outage | undefined>;
}

const killOf = (name: ServiceName): Fault => ({
  name: `kill -9 ${name}`,
  kills: 1,
  async inject({ stack, random }) {
    const replica = random.pick(stack.service(name).replicas);
    await replica.kill('SIGKILL');
    await replica.whenReady();
    return undefined;
  },
});

const serverKill = (server: 'kafka' | 'postgres'): Fault => ({
  name: `kill -9 ${server}`,
  async inject({ stack }) {
    await stack[server].kill('SIGKILL');
    await stack[server].whenReady();
    return undefined;
  },
});

const rollOf = (name: ServiceName): Fault => ({
  name: `roll ${name} (SIGTERM)`,
  async inject({ stack }) {
    await stack.service(name).restart();
    return undefined;
  },
});

const outage = (server: 'kafka' | 'postgres', seconds: number): Fault => ({
  name: `${server} stopped for ${seconds} s`,
  async inject({ stack }) {
    await stack[server].stop();
    const from = Date.now();
    await delay(seconds * 1000);
    const to = Date.now();
    await stack[server].start();
    return { server, from, to };
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
    return undefined;
  },
};

const cut = (server: 'kafka' | 'postgres'): Fault => ({
  name: `connections to ${server} cut, again and again`,
  async inject({ lines, random }) {
    for (let i = 0; i < 5; i++) {
      lines[server].cut();
      await delay(random.between(200, 1500));
    }
    return undefined;
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
    return undefined;
  },
});

/** What nobody can read, among what everybody has to (G10). */
const poison: Fault = {
  name: 'poison messages in every topic of a group',
  async inject({ deadLetters, random }) {
    await deadLetters.provoke(random.between(2, 6));
    return undefined;
  },
};

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
  poison,
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
  poison,
  rollOf('ingest-gateway'),
];
