import { SERVICES } from '@governsai/contracts';
import { CPU_PER, ourPipeline } from '../pipeline-run.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { costRatio, inTurns, type Run, together } from '../runs.ts';
import type { Row, Scenario } from '../scenario.ts';

/** More and shorter runs than elsewhere: what is looked for is small beside what runs differ by. */
const RUNS_OF_ONE = 2;
const COUNT = 25_000;

/** The CPU seconds of the services: Kafka, PostgreSQL and the load trace nothing. */
const ofServices = ({ cpu }: Run): number => SERVICES.reduce((sum, name) => sum + (cpu[name] ?? 0), 0);

export const tracing: Scenario = {
  name: 'tracing',
  purpose: 'What tracing one decision in ten costs: the pipeline with it and without, in turns.',
  async run(bench) {
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      return await bench.withAnother({ OTEL_SDK_DISABLED: 'true' }, async (untraced) => {
        const runs = await inTurns(
          bench,
          [await ourPipeline(bench, bench, load, COUNT), await ourPipeline(bench, untraced, load, COUNT)],
          bench.size.runs * RUNS_OF_ONE,
        );
        const [traced, plain] = runs;
        const row: Row = {
          scenario: 'tracing',
          subject: 'HTTP batches of 100, one decision in ten traced',
          unit: 'decisions/s',
          ours: together(traced, CPU_PER),
          ceiling: { name: 'tracing off', ...together(plain, CPU_PER) },
          cpuPer: CPU_PER,
          facts: { 'CPU of the services × off': costRatio(runs, ofServices) },
        };
        return [row];
      });
    } finally {
      await load.stop();
    }
  },
};
