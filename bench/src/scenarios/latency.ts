import type { BareProducer } from '../ceilings/bare-producer.ts';
import type { BareRelay } from '../ceilings/bare-relay.ts';
import { createTopics } from '../ceilings/servers.ts';
import type { Latency } from '../measure/latency.ts';
import { makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { WsLoad } from '../programs/ws-load.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const RATES = [100, 500, 2000];

export const latency: Scenario = {
  name: 'latency',
  purpose: 'Milliseconds from the moment an INGEST is due to its DECISION at a subscriber, at fixed rates.',
  async run(bench) {
    const rows: Row[] = [];
    for (const rate of bench.size.smoke ? [100] : RATES) {
      const ceiling = bench.size.ceilings ? await doubleHop(bench, rate) : null;
      const ours = await ingestToDecision(bench, rate);
      bench.say(`${rate}/s: p50 ${ours.p50.toFixed(1)} ms, p99 ${ours.p99.toFixed(1)} ms`);
      rows.push({
        scenario: 'latency',
        subject: `INGEST to DECISION at ${rate}/s`,
        unit: 'ms',
        ours: { values: [ours.p50], cpu: {} },
        ceiling: ceiling && { name: 'double hop', values: [ceiling.p50], cpu: {} },
        cpuPer: 1,
        latency: { ours, ceiling },
      });
    }
    return rows;
  },
};

/** How many are measured, and how many before to warm up: eight seconds' worth and two. */
function counts(bench: Bench, rate: number): { count: number; warmUp: number } {
  return { count: bench.amount(rate * 8, 50), warmUp: bench.amount(rate * 2, 0) };
}

async function ingestToDecision(bench: Bench, rate: number): Promise<Latency> {
  const name = bench.unique('latency');
  const [org] = await makeOrgs(bench.admin, name, 1);
  if (!org) throw new Error('no org was made');
  const load = new Program<WsLoad>('programs/ws-load.js');
  try {
    const socketOf = (service: 'ingest-gateway' | 'push-gateway') =>
      `${bench.stack.url(service).replace('http', 'ws')}/ws`;
    await bench.measuring.begin();
    const outcome = await load.call('latency', {
      ingestUrl: socketOf('ingest-gateway'),
      pushUrl: socketOf('push-gateway'),
      org,
      run: name,
      rate,
      ...counts(bench, rate),
    });
    await bench.measuring.end();
    if (outcome.errors > 0) throw new Error(`${outcome.errors} messages were refused`);
    return outcome.latency;
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
    return (await load.call('latency', { from, to, run: from, rate, ...counts(bench, rate) })).latency;
  } finally {
    await Promise.all([load.stop(), relay.stop()]);
  }
}
