import { join } from 'node:path';
import { createDatabase } from '@governsai/db';
import { describeMachine } from './machine.ts';
import type { Report } from './report.ts';
import type { Bench, Row, Scenario, Size, System } from './scenario.ts';
import { startBenchStack } from './stack.ts';

export interface RunOptions {
  scenarios: readonly Scenario[];
  size: Size;
  /** Removed at the end. */
  dir: string;
  /** On top of the environment of every service. */
  env?: Readonly<Record<string, string>>;
  say: (text: string) => void;
  /** Told of each row as soon as it is known. */
  report: (row: Row) => void;
  /** Called around what is measured. */
  measuring?: (pids: () => Readonly<Record<string, number>>) => Bench['measuring'];
  signal: AbortSignal;
}

/** Starts the system, runs the scenarios one after the other, and stops it. */
export async function runScenarios(options: RunOptions): Promise<Report> {
  const { scenarios, size, say, signal } = options;
  let systems = 0;
  const withSystem = async <T>(env: Readonly<Record<string, string>>, use: (system: System) => Promise<T>) => {
    const stack = await startBenchStack({
      dir: join(options.dir, String(++systems)),
      say,
      env: { ...options.env, ...env },
      signal,
    });
    const { databaseUrl: url } = stack.stack;
    const admin = createDatabase({ url, poolSize: 3, applicationName: 'bench', queryTimeoutMs: 300_000 });
    try {
      return await use({ stack, admin });
    } finally {
      await admin.close();
      await stack.stop();
    }
  };
  return withSystem({}, async (system) => {
    const begun = Date.now();
    let names = 0;
    const rows: Row[] = [];
    const bench: Bench = {
      ...system,
      withAnother: withSystem,
      size,
      say: (text) => say(`  ${text}`),
      amount: (whole, smoke) => (size.smoke ? smoke : scaled(whole, size.scale)),
      unique: (name) => `${name}-${(++names).toString(36)}`,
      measuring: options.measuring?.(() => pidsOf(system)) ?? { begin: async () => {}, end: async () => {} },
    };
    for (const [i, scenario] of scenarios.entries()) {
      signal.throwIfAborted();
      const elapsed = Math.round((Date.now() - begun) / 1000);
      say(`[${i + 1}/${scenarios.length}, ${elapsed} s] ${scenario.name}: ${scenario.purpose}`);
      for (const row of await Promise.race([scenario.run(bench), interruption(signal)])) {
        rows.push(row);
        options.report(row);
      }
    }
    return { machine: await describeMachine(system.admin), rows };
  });
}

const LARGE = 10_000;

/** A part of a large amount, in hundreds; small ones stay as they are. */
function scaled(whole: number, scale: number): number {
  return whole < LARGE ? whole : Math.max(LARGE / 10, Math.round((whole * scale) / 100) * 100);
}

/** Rejects when the run is interrupted: what a scenario was doing ends with the stack. */
function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function pidsOf({ stack }: System): Record<string, number> {
  const { services } = stack.stack.describe();
  return Object.fromEntries(Object.entries(services).map(([name, { pids }]) => [name, pids[0] ?? 0]));
}
