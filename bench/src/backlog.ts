import { countsOf } from './counts.ts';
import type { BenchOrg } from './orgs.ts';
import type { Program } from './program.ts';
import type { HttpLoad } from './programs/http-load.ts';
import type { Run } from './runs.ts';
import type { Bench, System } from './scenario.ts';

/** Where in the backlog measuring begins: a process that has just been started is not at its speed yet. */
const WARM_PART = 0.2;

interface Backlog {
  /** Their ids begin with `name` and a dash. */
  name: string;
  orgs: readonly BenchOrg[];
  count: number;
  /** How many runs it is cut into. */
  parts: number;
}

/**
 * Lets decisions gather in Kafka while no writer runs, then starts one and measures how fast it stores and publishes them.
 * Resolves when budgets have counted them too. The runs are the parts of the backlog, in order.
 */
export async function drainBacklog(
  bench: Bench,
  { stack, admin }: System,
  load: Program<HttpLoad>,
  { name, orgs, count, parts }: Backlog,
): Promise<Run[]> {
  const writer = stack.stack.service('decision-writer');
  const { published: before } = await countsOf(admin, `${name}-`);
  await writer.scale(0);
  await load.call('decisions', { run: bench.unique('run'), orgs, count, batch: 100 });
  const { statuses } = await load.call('closed', { url: stack.url('ingest-gateway'), connections: 8 });
  if (Object.keys(statuses).join() !== '202') throw new Error(`requests were refused: ${JSON.stringify(statuses)}`);
  await writer.scale(1);
  const published = async () => (await countsOf(admin, `${name}-`)).published - before;
  const runs: Run[] = [];
  let from = await reached(published, bench.size.smoke ? 0 : count * WARM_PART);
  await bench.measuring.begin();
  const first = from;
  for (let part = 1; part <= parts; part++) {
    const cpu = stack.cpuClock();
    const begun = performance.now();
    const to = await reached(published, Math.floor(first + ((count - first) * part) / parts));
    const seconds = (performance.now() - begun) / 1000;
    runs.push({ value: (to - from) / seconds, done: to - from, cpu: cpu.elapsed() });
    from = to;
  }
  await bench.measuring.end();
  if (from !== count) throw new Error(`${from} of ${count} decisions were published: something counts twice`);
  await reached(async () => (await countsOf(admin, `${name}-`)).counted - before, count);
  return runs;
}

const DEADLINE_MS = 180_000;

/** Waits until a number is at least the target, and answers it. */
async function reached(ask: () => Promise<number>, target: number): Promise<number> {
  for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; ) {
    const now = await ask();
    if (now >= target) return now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`after ${DEADLINE_MS / 1000} s there are ${await ask()} of ${target}`);
}
