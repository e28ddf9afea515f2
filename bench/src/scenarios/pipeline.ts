import type { BareIngest } from '../ceilings/bare-ingest.ts';
import type { BareWriter } from '../ceilings/bare-writer.ts';
import { createBareTable, createTopics } from '../ceilings/servers.ts';
import { CPU_PER, ORGS, ourPipeline, pipelineRun } from '../pipeline-run.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { costRatio, inTurns, type Run, repeat, together } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

/** Many short runs, for the two are compared: a machine may be a third slower from one minute to the next. */
const COUNT = 25_000;
const RUNS_OF_ONE = 3;

export const pipeline: Scenario = {
  name: 'pipeline',
  purpose:
    'Decisions a second from HTTP batches of 100 to stored and published, with credentials, metrics, budgets and tracing on.',
  async run(bench) {
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      const ours = await ourPipeline(bench, bench, load, COUNT);
      if (!bench.size.ceilings) return [rowOf(await repeat(bench, ours))];
      return await withBare(bench, load, async (bare) => {
        const runs = await inTurns(bench, [ours, bare], bench.size.runs * RUNS_OF_ONE);
        const row = rowOf(runs[0]);
        row.ceiling = { name: 'bare pipeline', ...together(runs[1], CPU_PER) };
        row.facts = {
          'ingest CPU × bare': costRatio(runs, cpuOf('ingest-gateway', 'bare-ingest')),
          'writer CPU × bare': costRatio(runs, cpuOf('decision-writer', 'bare-writer')),
        };
        return [row];
      });
    } finally {
      await load.stop();
    }
  },
};

function rowOf(runs: readonly Run[]): Row {
  return {
    scenario: 'pipeline',
    subject: `HTTP batches of 100, ${ORGS} orgs`,
    unit: 'decisions/s',
    ours: together(runs, CPU_PER),
    ceiling: null,
    cpuPer: CPU_PER,
  };
}

/** Ours and the one of the bare pipeline that does the same. */
function cpuOf(...programs: readonly [string, string]) {
  return ({ cpu }: Run, of: 0 | 1): number => cpu[programs[of]] ?? 0;
}

/** Runs of the bare pipeline, which is there as long as `use` lasts. */
async function withBare<T>(
  bench: Bench,
  load: Program<HttpLoad>,
  use: (run: (index: number) => Promise<Run>) => Promise<T>,
): Promise<T> {
  const [from, to] = [bench.unique('bare-submitted'), bench.unique('bare-recorded')];
  const table = bench.unique('bare').replaceAll('-', '_');
  const brokers = [...bench.stack.stack.kafkaBrokers];
  await createTopics(brokers, [from, to]);
  await createBareTable(bench.admin, table);
  const ingest = new Program<BareIngest>('ceilings/bare-ingest.js');
  const writer = new Program<BareWriter>('ceilings/bare-writer.js');
  try {
    await writer.call('start', { brokers, from, to, databaseUrl: bench.stack.stack.databaseUrl, table });
    const orgs = Array.from({ length: ORGS }, (_, i) => ({ id: `bare-${i}`, key: `gai_bare-${i}` }));
    const bare = pipelineRun(bench, bench, load, orgs, {
      count: COUNT,
      url: await ingest.call('start', { brokers, topic: from }),
      published: () => writer.call('done', null),
      settled: async () => {},
      programs: { load: load.pid, 'bare-ingest': ingest.pid, 'bare-writer': writer.pid },
    });
    return await use(bare);
  } finally {
    await Promise.all([ingest.stop(), writer.stop()]);
  }
}
