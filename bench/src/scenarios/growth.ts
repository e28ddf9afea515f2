import { drainBacklog } from '../backlog.ts';
import { median } from '../measure/statistics.ts';
import type { BenchOrg } from '../orgs.ts';
import { makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad, Wanted } from '../programs/http-load.ts';
import { together } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { fillChains, storedDecisions } from '../stored.ts';

const CPU_PER = 100_000;
const ORGS = 10;
const SMALL = 10_000;
const QUERIES = 200;
const QUERY_RATE = 50;

export const growth = growthTo(1_000_000, 'growth');
/** Takes long: not among those that run unless asked for. */
export const growthLong = growthTo(5_000_000, 'growth-5m');

function growthTo(large: number, name: string): Scenario {
  return {
    name,
    purpose: `Recording speed and query latency with ${large.toLocaleString('en')} decisions stored, against 10,000.`,
    async run(bench) {
      const load = new Program<HttpLoad>('programs/http-load.js');
      try {
        const small = await measureAt(bench, load, bench.amount(SMALL, 200), name);
        const big = await measureAt(bench, load, bench.amount(large, 2000), name);
        const [speed, ...queries] = big;
        const [reference] = small;
        if (!speed || !reference) throw new Error('nothing was measured');
        // What there is to reach is the speed with few decisions.
        return [...small, { ...speed, ceiling: { name: reference.subject, ...reference.ours } }, ...queries];
      } finally {
        await load.stop();
      }
    },
  };
}

async function measureAt(bench: Bench, load: Program<HttpLoad>, stored: number, scenario: string): Promise<Row[]> {
  const name = bench.unique('growth');
  const orgs = await makeOrgs(bench.admin, name, ORGS);
  const there = await storedDecisions(bench.admin);
  if (stored > there) {
    const begun = performance.now();
    await fillChains(bench.admin, orgs, stored - there, (done) => bench.say(`${done} decisions made`));
    bench.say(`filled up to ${stored} in ${Math.round((performance.now() - begun) / 1000)} s`);
  }
  const runs = await drainBacklog(bench, load, { name, orgs, count: bench.amount(60_000, 600) });
  bench.say(`${stored} stored: ${Math.round(median(runs.map(({ value }) => value)))} decisions/s`);
  const speed: Row = {
    scenario,
    subject: `recording with ${stored.toLocaleString('en')} stored`,
    unit: 'decisions/s',
    ours: together(runs, CPU_PER),
    ceiling: null,
    cpuPer: CPU_PER,
  };
  return [speed, await queryLatency(bench, load, orgs, stored, scenario)];
}

/** Pages, filters and single decisions, in turn. */
async function queryLatency(
  bench: Bench,
  load: Program<HttpLoad>,
  orgs: readonly BenchOrg[],
  stored: number,
  scenario: string,
): Promise<Row> {
  const count = bench.amount(QUERIES, 20);
  const queries = Array.from({ length: count }, (_, i): Wanted => {
    const { id, key } = orgs[i % orgs.length] as BenchOrg;
    const query = [
      `limit=100&afterSeq=${i * 7}`,
      `limit=20&correlationId=req-${i}`,
      'limit=50&tool=web.fetch',
      'limit=50&tag=team-3',
    ];
    return { path: `/v1/orgs/${id}/decisions?${query[i % query.length]}`, headers: { authorization: `Bearer ${key}` } };
  });
  await load.call('requests', queries);
  const { latency, statuses } = await load.call('open', { url: bench.stack.url('decision-writer'), rate: QUERY_RATE });
  if (statuses[200] !== count) throw new Error(`queries failed: ${JSON.stringify(statuses)}`);
  return {
    scenario,
    subject: `queries with ${stored.toLocaleString('en')} stored`,
    unit: 'ms',
    ours: { values: [latency.p50], cpu: {} },
    ceiling: null,
    cpuPer: 1,
    latency: { ours: latency, ceiling: null },
  };
}
