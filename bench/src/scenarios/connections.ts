import { setTimeout as delay } from 'node:timers/promises';
import { countsOf } from '../counts.ts';
import { memoryOf, residentBytes } from '../measure/memory.ts';
import { type BenchOrg, makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { ours } from '../programs/protocols.ts';
import type { ClientSpec, Subscribers } from '../programs/subscribers.ts';
import { until } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const ORGS = 10;
const REST_MS = 10_000;

export const idle: Scenario = {
  name: 'idle',
  purpose: 'What 10,000 connections that say and hear nothing cost: bytes of each, and CPU at rest.',
  async run(bench) {
    const count = bench.amount(10_000, 50);
    const orgs = await makeOrgs(bench.admin, bench.unique('idle'), ORGS);
    const clients = new Program<Subscribers>('programs/subscribers.js');
    try {
      const pid = bench.stack.pid('push-gateway');
      const before = { rss: residentBytes(pid), ...(await heapOf(bench)) };
      const { seconds } = await clients.call('connect', {
        url: bench.stack.url('push-gateway'),
        specs: specsFor(orgs, count, null),
      });
      bench.say(`${count} connections in ${seconds.toFixed(1)} s`);
      await delay(bench.amount(REST_MS / 2, 0));
      const cpu = bench.stack.cpuClock();
      await delay(bench.amount(REST_MS, 100));
      const atRest = cpu.elapsed();
      const after = { rss: residentBytes(pid), ...(await heapOf(bench)) };
      const { open } = await clients.call('counts', null);
      if (open !== count) throw new Error(`${open} of ${count} connections are open`);
      return [
        {
          scenario: 'idle',
          subject: `${count} subscribed connections at rest`,
          unit: 'bytes of RSS each',
          ours: { values: [(after.rss - before.rss) / count], cpu: {} },
          ceiling: null,
          cpuPer: 1,
          facts: {
            'bytes of heap each': (after.heap - before.heap) / count,
            'connections/s': count / seconds,
            '% of a core at rest': (100 * (atRest['push-gateway'] ?? 0)) / (REST_MS / 1000),
          },
        },
      ];
    } finally {
      await clients.stop();
    }
  },
};

export const resume: Scenario = {
  name: 'resume',
  purpose: '5,000 subscribers that come back at once after missing 100 decisions: until each has every one of them.',
  async run(bench) {
    const count = bench.amount(5000, 50);
    const missed = bench.amount(100, 20);
    const name = bench.unique('resume');
    const orgs = await makeOrgs(bench.admin, name, ORGS);
    const clients = new Program<Subscribers>('programs/subscribers.js');
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      const total = missed * ORGS;
      await load.call('decisions', { run: bench.unique('run'), orgs, count: total, batch: missed });
      await load.call('closed', { url: bench.stack.url('ingest-gateway'), connections: 4 });
      await until(total, async () => (await countsOf(bench.admin, `${name}-`)).counted);
      const cpu = bench.stack.cpuClock();
      const begun = performance.now();
      await bench.measuring.begin();
      await clients.call('connect', { url: bench.stack.url('push-gateway'), specs: specsFor(orgs, count, 0) });
      const connected = (performance.now() - begun) / 1000;
      await clients.call('arrived', { total: missed * count });
      const seconds = (performance.now() - begun) / 1000;
      await bench.measuring.end();
      const { pushes } = await clients.call('counts', null);
      if (pushes !== missed * count) throw new Error(`${pushes} pushes arrived, ${missed * count} were due`);
      const row: Row = {
        scenario: 'resume',
        subject: `${count} subscribers resume ${missed} decisions each`,
        unit: 's until all have all',
        ours: { values: [seconds], cpu: cpu.elapsed() },
        ceiling: null,
        cpuPer: 1,
        facts: { 's until all are connected': connected, 'pushes/s': pushes / seconds },
      };
      return [row];
    } finally {
      await Promise.all([clients.stop(), load.stop()]);
    }
  },
};

function specsFor(orgs: readonly BenchOrg[], count: number, since: number | null): ClientSpec[] {
  return Array.from({ length: count }, (_, i) => {
    const { id, key } = orgs[i % orgs.length] as BenchOrg;
    return { key, protocol: ours(`org:${id}:decisions`, since) };
  });
}

async function heapOf(bench: Bench): Promise<{ heap: number }> {
  const { heap } = await memoryOf(bench.stack.url('push-gateway'));
  return { heap };
}
