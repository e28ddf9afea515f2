import type { Database } from '@governsai/db';
import type { Cpu } from './measure/cpu.ts';
import type { Latency } from './measure/latency.ts';
import type { BenchStack } from './stack.ts';

/** How much is done: the whole, or just enough to see that everything works and counts right. */
export interface Size {
  smoke: boolean;
  /** Runs whose median and spread are reported. */
  runs: number;
  /** How much of the large amounts is done, for a quick look; 1 for numbers to be believed. */
  scale: number;
  /** Whether what is possible is measured as well. */
  ceilings: boolean;
}

/** The five services with Kafka and PostgreSQL of their own. */
export interface System {
  stack: BenchStack;
  /** PostgreSQL as superuser. */
  admin: Database;
}

export interface Bench extends System {
  /** Another system beside, with this on top of the environment of every service; it lasts as long as `use`. */
  withAnother<T>(env: Readonly<Record<string, string>>, use: (system: System) => Promise<T>): Promise<T>;
  size: Size;
  /** Tells people what is being done. */
  say(text: string): void;
  /** The smaller number in a smoke run. */
  amount(whole: number, smoke: number): number;
  /** A name no other org, key or topic of this benchmark has. */
  unique(name: string): string;
  /** Called when what is to be measured begins and when it is over: a profile is of that time only. */
  measuring: { begin(): Promise<void>; end(): Promise<void> };
}

/** What several runs of one thing came to. */
export interface Runs {
  /** One number a run. */
  values: readonly number[];
  /** CPU seconds of each process for `per` of the unit. */
  cpu: Cpu;
}

/** One row of the table. */
export interface Row {
  scenario: string;
  /** What this row is about, within the scenario. */
  subject: string;
  unit: string;
  ours: Runs;
  /** The ceiling measured in the same run; null where none can be. */
  ceiling: (Runs & { name: string }) | null;
  /** How many of the unit the CPU seconds are for. */
  cpuPer: number;
  latency?: { ours: Latency; ceiling: Latency | null };
  /** Anything else worth a line. */
  facts?: Readonly<Record<string, string | number>>;
}

export interface Scenario {
  name: string;
  /** One sentence. */
  purpose: string;
  run(bench: Bench): Promise<Row[]>;
}
