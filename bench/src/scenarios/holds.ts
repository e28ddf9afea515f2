import { type BenchOrg, makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad, Wanted } from '../programs/http-load.ts';
import { repeat, together } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const CPU_PER = 1000;
const ORGS = 10;
const RATE = 100;
const SECONDS = 8;

export const holds: Scenario = {
  name: 'holds',
  purpose: 'Holds on hard budgets: how many a second are granted, and how long one takes at a fixed rate.',
  async run(bench) {
    const name = bench.unique('holds');
    const orgs = await makeOrgs(bench.admin, name, ORGS);
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      return [await throughput(bench, name, orgs, load), await atRate(bench, orgs, load)];
    } finally {
      await load.stop();
    }
  },
};

async function throughput(
  bench: Bench,
  name: string,
  orgs: readonly BenchOrg[],
  load: Program<HttpLoad>,
): Promise<Row> {
  const count = bench.amount(2000, 50);
  let total = 0;
  const runs = await repeat(bench, async () => {
    await load.call('requests', newHolds(bench, orgs, count));
    const cpu = bench.stack.cpuClock();
    const { seconds, statuses } = await load.call('closed', {
      url: bench.stack.url('budget-tracker'),
      connections: 16,
    });
    if (statuses[200] !== count) throw new Error(`holds failed: ${JSON.stringify(statuses)}`);
    total += count;
    return { value: count / seconds, done: count, cpu: cpu.elapsed() };
  });
  // Each hold is in two hard budgets: of the org and of the tool.
  const [open] = await bench.admin.system.query<{ count: number }>(
    `SELECT count(*)::bigint AS count FROM holds WHERE org_id LIKE $1 || '-%' AND status = 'open'`,
    [name],
  );
  if (open?.count !== total) throw new Error(`${open?.count} holds are open, ${total} were granted`);
  return {
    scenario: 'holds',
    subject: `holds in two hard budgets each, ${ORGS} orgs`,
    unit: 'holds/s',
    ours: together(runs, CPU_PER),
    ceiling: null,
    cpuPer: CPU_PER,
  };
}

async function atRate(bench: Bench, orgs: readonly BenchOrg[], load: Program<HttpLoad>): Promise<Row> {
  const count = bench.amount(RATE * SECONDS, 20);
  await load.call('requests', newHolds(bench, orgs, count));
  const { latency, statuses } = await load.call('open', { url: bench.stack.url('budget-tracker'), rate: RATE });
  if (statuses[200] !== count) throw new Error(`holds failed: ${JSON.stringify(statuses)}`);
  return {
    scenario: 'holds',
    subject: `a hold at ${RATE}/s`,
    unit: 'ms',
    ours: { values: [latency.p50], cpu: {} },
    ceiling: null,
    cpuPer: 1,
    latency: { ours: latency, ceiling: null },
  };
}

function newHolds(bench: Bench, orgs: readonly BenchOrg[], count: number): Wanted[] {
  const run = bench.unique('hold');
  return Array.from({ length: count }, (_, i) => {
    const { id, key } = orgs[i % orgs.length] as BenchOrg;
    return {
      path: `/v1/orgs/${id}/holds`,
      headers: { authorization: `Bearer ${key}` },
      value: { idempotencyKey: `${run}-${i}`, amount: '0.01', currency: 'USD', tool: 'web.fetch' },
    };
  });
}
