import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../../../tools/dist/stack.js';
import type { Random } from '../../chaos/dist/random.js';

/** What can be done to a subscriber. */
interface Breakable {
  breakOff(): void;
  stall(ms: number): Promise<void>;
}

interface Context {
  stack: Stack;
  random: Random;
  subscribers: readonly Breakable[];
}

/** Resolves when it is over; what it broke may still be recovering. */
type Fault = (context: Context) => Promise<void>;

/** By the part of the system that they strike. */
const PARTS: readonly Readonly<Record<string, Fault>>[] = [
  {
    'kill -9 push-gateway': async ({ stack, random }) => {
      const replica = random.pick(stack.service('push-gateway').replicas);
      await replica.kill('SIGKILL');
      await replica.whenReady();
    },
    'roll push-gateway': ({ stack, random }) => random.pick(stack.service('push-gateway').replicas).restart(),
    'freeze push-gateway': async ({ stack, random }) => {
      const replica = random.pick(stack.service('push-gateway').replicas);
      replica.pause();
      await delay(random.between(500, 9000));
      replica.resume();
    },
  },
  {
    'kill -9 decision-writer': async ({ stack, random }) => {
      const replica = random.pick(stack.service('decision-writer').replicas);
      await replica.kill('SIGKILL');
      await replica.whenReady();
    },
  },
  {
    'stalled readers': async ({ random, subscribers }) => {
      const stalled = subscribers.filter(() => random.next() < 0.2);
      await Promise.all(stalled.map((subscriber) => subscriber.stall(random.between(500, 4000))));
    },
    'broken connections': async ({ random, subscribers }) => {
      for (const subscriber of subscribers) if (random.next() < 0.3) subscriber.breakOff();
    },
  },
];
const FAULTS: Readonly<Record<string, Fault>> = Object.assign({}, ...PARTS);

/** So many faults at random, one after the other. */
export function drawFaults(random: Random, count: number): string[][] {
  const names = Object.keys(FAULTS);
  return [Array.from({ length: count }, () => random.pick(names))];
}

/** Each fault once: in lists that go on at the same time, one for a part of the system. */
export function everyFault(random: Random): string[][] {
  return PARTS.map((faults) => shuffled(Object.keys(faults), random));
}

/** Does one of them. */
export async function inject(name: string, context: Context): Promise<void> {
  await FAULTS[name]?.(context);
}

function shuffled(names: readonly string[], random: Random): string[] {
  const left = [...names];
  return names.map(() => left.splice(random.between(0, left.length - 1), 1)[0] as string);
}
