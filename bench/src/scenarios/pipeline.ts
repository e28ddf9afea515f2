import type { BareIngest } from '../ceilings/bare-ingest.ts';
import type { BareWriter } from '../ceilings/bare-writer.ts';
import { createBareTable, createTopics } from '../ceilings/servers.ts';
import { countsOf } from '../counts.ts';
import { makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { type Run, repeat, together, until } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const BATCH = 100;
const CONNECTIONS = 8;
const ORGS = 10;
const CPU_PER = 100_000;

/** What both pipelines are measured by: requests prepared, sent, and waited for until the last decision is published. */
interface Pipeline {
  /** Where requests go. */
  url: string;
  /** What has come out at the end so far. */
  published(): Promise<number>;
  /** Waits for what is not part of the rate but of the work. */
  settled(total: number): Promise<void>;
  /** Processes besides those of the stack. */
  programs: Record<string, number>;
}

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
  const name = bench.unique('pipeline');
  const orgs = await makeOrgs(bench.admin, name, ORGS);
  return measure(bench, load, orgs, {
    url: bench.stack.url('ingest-gateway'),
    published: async () => (await countsOf(bench.admin, `${name}-`)).published,
    settled: async (total) => {
      await until(total, async () => (await countsOf(bench.admin, `${name}-`)).counted);
    },
    programs: { load: load.pid },
  });
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
    return await measure(bench, load, orgs, {
      url: await ingest.call('start', { brokers, topic: from }),
      published: () => writer.call('done', null),
      settled: async () => {},
      programs: { load: load.pid, 'bare-ingest': ingest.pid, 'bare-writer': writer.pid },
    });
  } finally {
    await Promise.all([ingest.stop(), writer.stop()]);
  }
}

async function measure(
  bench: Bench,
  load: Program<HttpLoad>,
  orgs: readonly { id: string; key: string }[],
  { url, published, settled, programs }: Pipeline,
): Promise<Run[]> {
  let total = 0;
  return repeat(bench, async (index) => {
    const count = index === 0 ? bench.amount(30_000, 1000) : bench.amount(100_000, 2000);
    await load.call('decisions', { run: bench.unique('run'), orgs, count, batch: BATCH });
    total += count;
    const cpu = bench.stack.cpuClock(programs);
    const begun = performance.now();
    const { statuses } = await load.call('closed', { url, connections: CONNECTIONS });
    if (statuses[202] !== count / BATCH) throw new Error(`requests were refused: ${JSON.stringify(statuses)}`);
    await until(total, published);
    const seconds = (performance.now() - begun) / 1000;
    await settled(total);
    bench.say(`${index === 0 ? 'warm-up' : `run ${index}`}: ${Math.round(count / seconds)} decisions/s`);
    return { value: count / seconds, done: count, cpu: cpu.elapsed() };
  });
}
