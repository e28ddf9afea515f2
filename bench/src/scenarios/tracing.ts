import { SERVICES } from '@governsai/contracts';
import { median } from '../measure/statistics.ts';
import { CPU_PER, ourPipeline } from '../pipeline-run.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { type Run, together } from '../runs.ts';
import type { Row, Scenario } from '../scenario.ts';

/** More runs than elsewhere: what is looked for is small beside what runs differ by. */
const RUNS_OF_ONE = 2;

/** The CPU seconds that a decision of a run took of the services: Kafka, PostgreSQL and the load trace nothing. */
const ofServices = ({ cpu, done }: Run): number => SERVICES.reduce((sum, name) => sum + (cpu[name] ?? 0), 0) / done;

export const tracing: Scenario = {
  name: 'tracing',
  purpose: 'What tracing one decision in ten costs: the pipeline with it and without, in turns.',
  async run(bench) {
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      return await bench.withAnother({ OTEL_SDK_DISABLED: 'true' }, async (untraced) => {
        const [on, off] = [await ourPipeline(bench, bench, load), await ourPipeline(bench, untraced, load)];
        const [traced, plain]: [Run[], Run[]] = [[], []];
        if (!bench.size.smoke) {
          await on(0);
          await off(0);
        }
        for (let i = 1; i <= bench.size.runs * RUNS_OF_ONE; i++) {
          // Neither always follows the other.
          const turn = [() => on(i).then((run) => traced.push(run)), () => off(i).then((run) => plain.push(run))];
          for (const run of i % 2 === 0 ? turn.reverse() : turn) await run();
        }
        const row: Row = {
          scenario: 'tracing',
          subject: 'HTTP batches of 100, one decision in ten traced',
          unit: 'decisions/s',
          ours: together(traced, CPU_PER),
          ceiling: { name: 'tracing off', ...together(plain, CPU_PER) },
          cpuPer: CPU_PER,
          facts: { 'CPU of the services × off': median(traced.map(ofServices)) / median(plain.map(ofServices)) },
        };
        return [row];
      });
    } finally {
      await load.stop();
    }
  },
};
