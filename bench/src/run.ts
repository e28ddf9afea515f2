import { join } from 'node:path';
import { createDatabase } from '@governsai/db';
import { describeMachine } from './machine.ts';
import type { Report } from './report.ts';
import type { Bench, Row, Scenario, Size } from './scenario.ts';
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

/** Starts the system once, runs the scenarios one after the other, and stops it. */
export async function runScenarios(options: RunOptions): Promise<Report> {
  const { scenarios, size, say, signal } = options;
  const stack = await startBenchStack({ dir: join(options.dir), say, env: options.env ?? {}, signal });
  const admin = createDatabase({
    url: stack.stack.databaseUrl,
    poolSize: 3,
    applicationName: 'bench',
    queryTimeoutMs: 300_000,
  });
  const begun = Date.now();
  let names = 0;
  const rows: Row[] = [];
  try {
    const bench: Bench = {
      stack,
      admin,
      size,
      say: (text) => say(`  ${text}`),
      amount: (whole, smoke) => (size.smoke ? smoke : scaled(whole, size.scale)),
      unique: (name) => `${name}-${(++names).toString(36)}`,
      measuring: options.measuring?.(() => pidsOf(stack)) ?? { begin: async () => {}, end: async () => {} },
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
    return { machine: await describeMachine(admin), rows };
  } finally {
    await admin.close();
    await stack.stop();
  }
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

function pidsOf(stack: Awaited<ReturnType<typeof startBenchStack>>): Record<string, number> {
  const { services } = stack.stack.describe();
  return Object.fromEntries(Object.entries(services).map(([name, { pids }]) => [name, pids[0] ?? 0]));
}
