import { drainBacklog } from '../backlog.ts';
import type { BenchOrg } from '../orgs.ts';
import { makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad, Wanted } from '../programs/http-load.ts';
import { costRatio, inTurns, type Run, together } from '../runs.ts';
import type { Bench, Row, Scenario, System } from '../scenario.ts';
import { fillChains, storedDecisions } from '../stored.ts';

const CPU_PER = 100_000;
const ORGS = 10;
const FEW = 10_000;
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
        if (!bench.size.ceilings) return await measureOne(bench, bench, load, bench.amount(large, 2000), name);
        // Systems of their own, as new and as busy as each other: what ran before would be stored in one of them only.
        return await bench.withAnother({}, (few) =>
          bench.withAnother({}, (many) => compare(bench, load, { few, many }, bench.amount(large, 2000), name)),
        );
      } finally {
        await load.stop();
      }
    },
  };
}

async function measureOne(
  bench: Bench,
  system: System,
  load: Program<HttpLoad>,
  stored: number,
  name: string,
): Promise<Row[]> {
  const there = await filled(bench, system, stored);
  const backlog = { name: there.name, orgs: there.orgs, count: bench.amount(60_000, 600), parts: bench.size.runs };
  return [
    speed(name, there, await drainBacklog(bench, system, load, backlog)),
    await queryLatency(bench, load, there, name),
  ];
}

async function compare(
  bench: Bench,
  load: Program<HttpLoad>,
  systems: Record<'few' | 'many', System>,
  large: number,
  name: string,
): Promise<Row[]> {
  const few = await filled(bench, systems.few, bench.amount(FEW, 200));
  const many = await filled(bench, systems.many, large);
  const runs = await inTurns(bench, [drains(bench, many, load), drains(bench, few, load)], bench.size.runs);
  const [ours, reference] = [speed(name, many, runs[0]), speed(name, few, runs[1])];
  // What there is to reach is the speed with few decisions.
  ours.ceiling = { name: reference.subject, ...reference.ours };
  ours.facts = { 'writer CPU × with few': costRatio(runs, ({ cpu }) => cpu['decision-writer'] ?? 0) };
  return [reference, await queryLatency(bench, load, few, name), ours, await queryLatency(bench, load, many, name)];
}

/** A system with so many decisions, and orgs to record for. */
interface Filled {
  system: System;
  stored: number;
  /** What the ids of the orgs begin with. */
  name: string;
  orgs: readonly BenchOrg[];
}

async function filled(bench: Bench, system: System, stored: number): Promise<Filled> {
  const name = bench.unique('growth');
  const orgs = await makeOrgs(system.admin, name, ORGS);
  const there = await storedDecisions(system.admin);
  if (stored > there) {
    const begun = performance.now();
    await fillChains(system.admin, orgs, stored - there, (done) => bench.say(`${done} decisions made`));
    bench.say(`filled up to ${stored} in ${Math.round((performance.now() - begun) / 1000)} s`);
  }
  return { system, stored, name, orgs };
}

/** Runs that record a backlog; those of the warm-up are no less, for the writer is a new process each time. */
function drains(bench: Bench, { system, stored, name, orgs }: Filled, load: Program<HttpLoad>) {
  return async (index: number): Promise<Run> => {
    const backlog = { name, orgs, count: bench.amount(30_000, 600), parts: 1 };
    const [run] = await drainBacklog(bench, system, load, backlog);
    if (run === undefined) throw new Error('nothing was measured');
    const when = index === 0 ? 'warm-up' : `run ${index}`;
    bench.say(`${when}, ${stored} stored: ${Math.round(run.value)} decisions/s`);
    return run;
  };
}

function speed(scenario: string, { stored }: Filled, runs: readonly Run[]): Row {
  return {
    scenario,
    subject: `recording with ${stored.toLocaleString('en')} stored`,
    unit: 'decisions/s',
    ours: together(runs, CPU_PER),
    ceiling: null,
    cpuPer: CPU_PER,
  };
}

/** Pages, filters and single decisions, in turn. */
async function queryLatency(
  bench: Bench,
  load: Program<HttpLoad>,
  { system, stored, orgs }: Filled,
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
  const { latency, statuses } = await load.call('open', { url: system.stack.url('decision-writer'), rate: QUERY_RATE });
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
