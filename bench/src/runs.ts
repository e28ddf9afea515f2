import type { Cpu } from './measure/cpu.ts';
import { median, medians } from './measure/statistics.ts';
import type { Bench, Runs } from './scenario.ts';

/** One run: how many a second (or whatever the row's unit is), and CPU seconds by process for `done` of them. */
export interface Run {
  value: number;
  done: number;
  cpu: Cpu;
}

/** The CPU seconds of a run for `per` of what it did. */
function scaled(cpu: Cpu, done: number, per: number): Cpu {
  return Object.fromEntries(
    Object.entries(cpu).map(([name, seconds]) => [name, done === 0 ? 0 : (seconds / done) * per]),
  );
}

/** Puts runs together: the values of all, the medians of their CPU seconds for `per` of what they did. */
export function together(runs: readonly Run[], per: number): Runs {
  return { values: runs.map(({ value }) => value), cpu: medians(runs.map((run) => scaled(run.cpu, run.done, per))) };
}

/** Runs it once to warm up, then as often as is reported. */
export async function repeat(bench: Bench, run: (index: number) => Promise<Run>): Promise<Run[]> {
  if (!bench.size.smoke) await run(0);
  const runs: Run[] = [];
  await bench.measuring.begin();
  for (let i = 1; i <= bench.size.runs; i++) runs.push(await run(i));
  await bench.measuring.end();
  return runs;
}

/**
 * Two things to be compared, each warmed up and then run as often, in turns: a machine that grows slower meanwhile is slower for
 * both. Neither always follows the other.
 */
export async function inTurns(
  bench: Bench,
  [first, second]: readonly [(index: number) => Promise<Run>, (index: number) => Promise<Run>],
  times: number,
): Promise<[Run[], Run[]]> {
  if (!bench.size.smoke) {
    await first(0);
    await second(0);
  }
  const runs: [Run[], Run[]] = [[], []];
  for (let i = 1; i <= times; i++) {
    const turn = [async () => runs[0].push(await first(i)), async () => runs[1].push(await second(i))];
    for (const run of i % 2 === 0 ? turn.reverse() : turn) await run();
  }
  return runs;
}

/** What a decision (or whatever is done) cost the one of what it cost the other, by `cost` of a run: the median of the turns. */
export function costRatio([ours, theirs]: readonly [Run[], Run[]], cost: (run: Run, of: 0 | 1) => number): number {
  return median(
    ours.map((run, i) => {
      const other = theirs[i] as Run;
      return cost(run, 0) / run.done / (cost(other, 1) / other.done);
    }),
  );
}

/** Waits until a number reaches a target, asked again and again; returns how long it took, in seconds. */
export async function until(target: number, ask: () => Promise<number>, deadlineMs = 120_000): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const now = await ask();
    const elapsed = performance.now() - begun;
    if (now > target)
      throw new Error(`there are ${now}, more than the ${target} there should be: something counts twice`);
    if (now === target) return elapsed / 1000;
    if (elapsed > deadlineMs) throw new Error(`after ${Math.round(elapsed / 1000)} s there are ${now} of ${target}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
