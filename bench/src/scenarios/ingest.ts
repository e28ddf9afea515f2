import type { BareProducer } from '../ceilings/bare-producer.ts';
import { createTopics } from '../ceilings/servers.ts';
import { countsOf } from '../counts.ts';
import { type BenchOrg, makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import type { WsLoad } from '../programs/ws-load.ts';
import { type Run, repeat, together, until } from '../runs.ts';
import type { Bench, Row, Runs, Scenario } from '../scenario.ts';

const ORGS = 10;
const CPU_PER = 100_000;
/** Unanswered messages of a producer on one socket. */
const WINDOW = 64;

export const ingest: Scenario = {
  name: 'ingest',
  purpose: 'Decisions a second that producers get confirmed, by each way in, while everything behind it keeps running.',
  async run(bench) {
    const rows = [
      await overHttp(bench, { batch: 100, connections: 8, count: bench.amount(30_000, 1000), producerRequests: 8 }),
      await overHttp(bench, { batch: 1, connections: 32, count: bench.amount(4000, 200), producerRequests: 32 }),
      await overSockets(bench),
    ];
    return rows;
  },
};

async function overHttp(
  bench: Bench,
  {
    batch,
    connections,
    count,
    producerRequests,
  }: { batch: number; connections: number; count: number; producerRequests: number },
): Promise<Row> {
  const subject = batch === 1 ? 'HTTP, one a request' : `HTTP, batches of ${batch}`;
  const ceiling = await bareProducer(bench, batch, count, producerRequests);
  const { name, orgs } = await orgsFor(bench);
  const load = new Program<HttpLoad>('programs/http-load.js');
  try {
    const url = bench.stack.url('ingest-gateway');
    const ours = await drained(bench, name, count, async () => {
      await load.call('decisions', { run: bench.unique('run'), orgs, count, batch });
      return async () => {
        const { seconds, statuses } = await load.call('closed', { url, connections });
        if (statuses[202] !== count / batch) throw new Error(`requests were refused: ${JSON.stringify(statuses)}`);
        return seconds;
      };
    });
    return row(subject, ours, ceiling);
  } finally {
    await load.stop();
  }
}

async function overSockets(bench: Bench): Promise<Row> {
  const count = bench.amount(20_000, 500);
  const ceiling = await bareProducer(bench, WINDOW, count, ORGS);
  const { name, orgs } = await orgsFor(bench);
  const load = new Program<WsLoad>('programs/ws-load.js');
  try {
    const url = `${bench.stack.url('ingest-gateway').replace('http', 'ws')}/ws`;
    const ours = await drained(bench, name, count, async () => {
      await load.call('prepare', { url, run: bench.unique('run'), orgs, count });
      return async () => {
        const { seconds, acks, errors } = await load.call('pipelined', { window: WINDOW });
        if (acks !== count) throw new Error(`${errors} messages were refused, ${acks} of ${count} confirmed`);
        return seconds;
      };
    });
    return row(`WebSocket, ${WINDOW} unanswered on each of ${ORGS}`, ours, ceiling);
  } finally {
    await load.stop();
  }
}

async function orgsFor(bench: Bench): Promise<{ name: string; orgs: BenchOrg[] }> {
  const name = bench.unique('ingest');
  return { name, orgs: await makeOrgs(bench.admin, name, ORGS) };
}

/** Runs; between two of them the rest of the system catches up, so that it does not work on the last one's decisions. */
function drained(
  bench: Bench,
  name: string,
  count: number,
  prepare: () => Promise<() => Promise<number>>,
): Promise<Run[]> {
  let total = 0;
  return repeat(bench, async () => {
    const send = await prepare();
    total += count;
    const cpu = bench.stack.cpuClock();
    const seconds = await send();
    const used = cpu.elapsed();
    await until(total, async () => (await countsOf(bench.admin, `${name}-`)).counted);
    return { value: count / seconds, done: count, cpu: used };
  });
}

/** Writing the same bytes to Kafka in requests of the same size, as many at a time. */
async function bareProducer(bench: Bench, batch: number, count: number, requests: number): Promise<Runs | null> {
  if (!bench.size.ceilings) return null;
  const program = new Program<BareProducer>('ceilings/bare-producer.js');
  try {
    const topic = bench.unique('bare-produced');
    const brokers = [...bench.stack.stack.kafkaBrokers];
    await createTopics(brokers, [topic]);
    await program.call('connect', { brokers });
    await program.call('prepare', { run: topic, count, batch });
    const runs = await repeat({ ...bench, measuring: NOT_MEASURED }, async () => {
      const cpu = bench.stack.cpuClock({ producer: program.pid });
      const { seconds } = await program.call('send', { topic, requests });
      return { value: count / seconds, done: count, cpu: cpu.elapsed() };
    });
    return together(runs, CPU_PER);
  } finally {
    await program.stop();
  }
}

const NOT_MEASURED = { begin: async () => {}, end: async () => {} };

function row(subject: string, runs: readonly Run[], ceiling: Runs | null): Row {
  return {
    scenario: 'ingest',
    subject,
    unit: 'decisions/s',
    ours: together(runs, CPU_PER),
    ceiling: ceiling && { name: 'bare producer', ...ceiling },
    cpuPer: CPU_PER,
  };
}
