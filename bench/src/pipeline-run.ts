import { countsOf } from './counts.ts';
import { makeOrgs } from './orgs.ts';
import type { Program } from './program.ts';
import type { HttpLoad } from './programs/http-load.ts';
import { type Run, until } from './runs.ts';
import type { Bench, System } from './scenario.ts';

const BATCH = 100;
const CONNECTIONS = 8;
/** Decisions for the engines to have compiled what runs often. */
const WARM_UP = 50_000;
/** Orgs that share the load. */
export const ORGS = 10;
/** How many decisions CPU seconds are told for. */
export const CPU_PER = 100_000;

/** What a pipeline is measured by: requests prepared, sent, and waited for until the last decision is published. */
export interface Pipeline {
  /** Decisions of a run. */
  count: number;
  /** Where requests go. */
  url: string;
  /** What has come out at the end so far. */
  published(): Promise<number>;
  /** Waits for what is not part of the rate but of the work. */
  settled(total: number): Promise<void>;
  /** Processes besides those of the stack. */
  programs: Record<string, number>;
}

/** Runs of a system's own pipeline with `count` decisions each, for orgs of their own. */
export async function ourPipeline(
  bench: Bench,
  system: System,
  load: Program<HttpLoad>,
  count: number,
): Promise<(index: number) => Promise<Run>> {
  const name = bench.unique('pipeline');
  const orgs = await makeOrgs(system.admin, name, ORGS);
  return pipelineRun(bench, system, load, orgs, {
    count,
    url: system.stack.url('ingest-gateway'),
    published: async () => (await countsOf(system.admin, `${name}-`)).published,
    settled: async (total) => {
      await until(total, async () => (await countsOf(system.admin, `${name}-`)).counted);
    },
    programs: { load: load.pid },
  });
}

/** Runs of a pipeline, to be done one after the other; the one with index 0 warms up. */
export function pipelineRun(
  bench: Bench,
  system: System,
  load: Program<HttpLoad>,
  orgs: readonly { id: string; key: string }[],
  { count: whole, url, published, settled, programs }: Pipeline,
): (index: number) => Promise<Run> {
  let total = 0;
  return async (index) => {
    const count = index === 0 ? bench.amount(WARM_UP, 1000) : bench.amount(whole, 2000);
    await load.call('decisions', { run: bench.unique('run'), orgs, count, batch: BATCH });
    total += count;
    const cpu = system.stack.cpuClock(programs);
    const begun = performance.now();
    const { statuses } = await load.call('closed', { url, connections: CONNECTIONS });
    if (statuses[202] !== count / BATCH) throw new Error(`requests were refused: ${JSON.stringify(statuses)}`);
    await until(total, published);
    const seconds = (performance.now() - begun) / 1000;
    await settled(total);
    bench.say(`${index === 0 ? 'warm-up' : `run ${index}`}: ${Math.round(count / seconds)} decisions/s`);
    return { value: count / seconds, done: count, cpu: cpu.elapsed() };
  };
}
