import type { BareIngest } from '../ceilings/bare-ingest.ts';
import type { BareWriter } from '../ceilings/bare-writer.ts';
import { createBareTable, createTopics } from '../ceilings/servers.ts';
import { CPU_PER, ORGS, ourPipeline, pipelineRun } from '../pipeline-run.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { type Run, repeat, together } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

export const pipeline: Scenario = {
  name: 'pipeline',
  purpose:
    'Decisions a second from HTTP batches of 100 to stored and published, with credentials, metrics, budgets and tracing on.',
  async run(bench) {
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      const bare = bench.size.ceilings ? await runBare(bench, load) : null;
      const ours = await runOurs(bench, load);
      const [own, theirs] = [together(ours, CPU_PER), bare && together(bare, CPU_PER)];
      const row: Row = {
        scenario: 'pipeline',
        subject: 'HTTP batches of 100, 10 orgs',
        unit: 'decisions/s',
        ours: own,
        ceiling: theirs && { name: 'bare pipeline', ...theirs },
        cpuPer: CPU_PER,
        ...(theirs && {
          facts: {
            'ingest CPU × bare': (own.cpu['ingest-gateway'] ?? 0) / (theirs.cpu['bare-ingest'] ?? 1),
            'writer CPU × bare': (own.cpu['decision-writer'] ?? 0) / (theirs.cpu['bare-writer'] ?? 1),
          },
        }),
      };
      return [row];
    } finally {
      await load.stop();
    }
  },
};

async function runOurs(bench: Bench, load: Program<HttpLoad>): Promise<Run[]> {
  return repeat(bench, await ourPipeline(bench, bench, load));
}

async function runBare(bench: Bench, load: Program<HttpLoad>): Promise<Run[]> {
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
      url: await ingest.call('start', { brokers, topic: from }),
      published: () => writer.call('done', null),
      settled: async () => {},
      programs: { load: load.pid, 'bare-ingest': ingest.pid, 'bare-writer': writer.pid },
    });
    return await repeat(bench, bare);
  } finally {
    await Promise.all([ingest.stop(), writer.stop()]);
  }
}
