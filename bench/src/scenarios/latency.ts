import type { BareProducer } from '../ceilings/bare-producer.ts';
import type { BareRelay } from '../ceilings/bare-relay.ts';
import { createTopics } from '../ceilings/servers.ts';
import type { Cpu } from '../measure/cpu.ts';
import type { Flow, Latency } from '../measure/latency.ts';
import { makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { WsLoad } from '../programs/ws-load.ts';
import { together } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const RATES = [100, 500, 2000];
/** Before each rate: enough for the engines to have compiled what runs often, at a rate that they bear cold. */
const WARM_UP_RATE = 500;
const WARM_UP_SECONDS = 20;
/** There is less to compile. */
const HOP_WARM_UP_SECONDS = 10;
const SECONDS = 8;
const CPU_PER = 1000;

export const latency: Scenario = {
  name: 'latency',
  purpose: 'Milliseconds from the moment an INGEST is due to its DECISION at a subscriber, at fixed rates.',
  async run(bench) {
    const rows: Row[] = [];
    for (const rate of bench.size.smoke ? [100] : RATES) {
      const ceiling = bench.size.ceilings ? await doubleHop(bench, rate) : null;
      const ours = await ingestToDecision(bench, rate);
      bench.say(`${rate}/s: p50 ${ours.latency.p50.toFixed(1)} ms, p99 ${ours.latency.p99.toFixed(1)} ms`);
      rows.push({
        scenario: 'latency',
        subject: `INGEST to DECISION at ${rate}/s`,
        unit: 'ms',
        ours: together([{ value: ours.latency.p50, done: ours.latency.count, cpu: ours.cpu }], CPU_PER),
        ceiling: ceiling && { name: 'double hop', values: [ceiling.p50], cpu: {} },
        cpuPer: CPU_PER,
        latency: { ours: ours.latency, ceiling },
      });
    }
    return rows;
  },
};

interface Outcome {
  latency: Latency;
  cpu: Cpu;
}

async function ingestToDecision(bench: Bench, rate: number): Promise<Outcome> {
  const name = bench.unique('latency');
  const [org] = await makeOrgs(bench.admin, name, 1);
  if (!org) throw new Error('no org was made');
  const load = new Program<WsLoad>('programs/ws-load.js');
  try {
    const socketOf = (service: 'ingest-gateway' | 'push-gateway') =>
      `${bench.stack.url(service).replace('http', 'ws')}/ws`;
    await load.call('follow', { ingestUrl: socketOf('ingest-gateway'), pushUrl: socketOf('push-gateway'), org });
    const flow = (run: string, amount: Amount) => load.call('latency', { run, ...amount });
    await flow(`${name}-warm-up`, warmUp(bench, WARM_UP_SECONDS));
    await bench.measuring.begin();
    const cpu = bench.stack.cpuClock();
    const latency = await flow(name, amountAt(bench, rate));
    const outcome = { latency, cpu: cpu.elapsed() };
    await bench.measuring.end();
    return outcome;
  } finally {
    await load.stop();
  }
}

async function doubleHop(bench: Bench, rate: number): Promise<Latency> {
  const [from, to] = [bench.unique('hop'), bench.unique('hop')];
  const brokers = [...bench.stack.stack.kafkaBrokers];
  await createTopics(brokers, [from, to]);
  const relay = new Program<BareRelay>('ceilings/bare-relay.js');
  const load = new Program<BareProducer>('ceilings/bare-producer.js');
  try {
    await relay.call('start', { brokers, from, to });
    await load.call('connect', { brokers });
    await load.call('follow', { topic: to });
    await load.call('latency', { topic: from, run: `${from}-warm-up`, ...warmUp(bench, HOP_WARM_UP_SECONDS) });
    const latency = await load.call('latency', { topic: from, run: from, ...amountAt(bench, rate) });
    await load.call('leave', null);
    return latency;
  } finally {
    await Promise.all([load.stop(), relay.stop()]);
  }
}

type Amount = Omit<Flow, 'run'>;

function warmUp(bench: Bench, seconds: number): Amount {
  return { rate: WARM_UP_RATE, count: bench.amount(WARM_UP_RATE * seconds, 10) };
}

function amountAt(bench: Bench, rate: number): Amount {
  return { rate, count: bench.amount(rate * SECONDS, 50) };
}
