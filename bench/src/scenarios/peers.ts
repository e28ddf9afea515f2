import { countsOf } from '../counts.ts';
import { median } from '../measure/statistics.ts';
import { makeOrgs } from '../orgs.ts';
import type { Naive } from '../peers/naive.ts';
import { PUSH_PEERS, type PushPeer } from '../peers/push-peers.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { ours } from '../programs/protocols.ts';
import type { Subscribers } from '../programs/subscribers.ts';
import type { WsLoad } from '../programs/ws-load.ts';
import { type Run, repeat, together, until } from '../runs.ts';
import type { Bench, Row, Runs, Scenario } from '../scenario.ts';
import { deliveries, type Shape } from './fan-out.ts';

const CPU_PER = 100_000;
const SHAPES: readonly Shape[] = [
  { subject: 'one org, 1,000 subscribers', orgs: 1, subscribers: 1000, decisions: 300 },
  { subject: 'one org, 5,000 subscribers', orgs: 1, subscribers: 5000, decisions: 60 },
];

export const peers: Scenario = {
  name: 'peers',
  purpose:
    'The same pushes by what one would take instead, fed from the same topic, and the same decisions by a naive service.',
  async run(bench) {
    const rows: Row[] = [];
    const there: PushPeer[] = [];
    for (const peer of PUSH_PEERS) {
      bench.say(`preparing ${peer.name}`);
      try {
        await peer.prepare();
        there.push(peer);
      } catch (error) {
        bench.say(`${peer.name} is left out, it cannot be had here: ${String(error).split('\n', 2).join(' ')}`);
      }
    }
    for (const shape of there.length === 0 ? [] : SHAPES) rows.push(...(await pushes(bench, shape, there)));
    rows.push(await naiveRow(bench));
    return rows;
  },
};

async function pushes(bench: Bench, shape: Shape, there: readonly PushPeer[]): Promise<Row[]> {
  const own = await pushRuns(bench, shape, null);
  const rows: Row[] = [];
  for (const peer of there) {
    const theirs = await pushRuns(bench, shape, peer);
    const cpu = { ours: own.cpu['push-gateway'] ?? 0, theirs: theirs.cpu.peer ?? 0 };
    bench.say(`${shape.subject}, ${peer.name}: ${Math.round(median(theirs.values))} pushes/s`);
    rows.push({
      scenario: 'peers',
      subject: shape.subject,
      unit: 'pushes/s',
      ours: own,
      ceiling: { name: peer.name, ...theirs },
      cpuPer: CPU_PER,
      facts: { 'our CPU seconds a push, of theirs': cpu.ours / cpu.theirs },
    });
  }
  return rows;
}

/** Pushes by push-gateway, or by a peer that reads what it reads. */
async function pushRuns(bench: Bench, shape: Shape, peer: PushPeer | null): Promise<Runs> {
  const orgs = await makeOrgs(bench.admin, bench.unique('peer'), shape.orgs);
  const clients = new Program<Subscribers>('programs/subscribers.js');
  const load = new Program<HttpLoad>('programs/http-load.js');
  const server = await peer?.start(bench.stack.stack.kafkaBrokers, 'decisions.recorded');
  try {
    const specs = orgs.flatMap(({ id, key }) => {
      const channel = `org:${id}:decisions`;
      const spec = peer ? { key: null, protocol: peer.protocolOf(channel) } : { key, protocol: ours(channel, null) };
      return Array.from({ length: shape.subscribers }, () => spec);
    });
    await clients.call('connect', { url: server?.url ?? bench.stack.url('push-gateway'), specs });
    const deliver = deliveries(bench, shape, orgs, clients, load, server ? { peer: server.pid } : {});
    return together(await repeat(bench, deliver), CPU_PER);
  } finally {
    await Promise.all([clients.stop(), load.stop(), server?.stop()]);
  }
}

/** One org's messages over one socket until they are stored: by the system, and by a naive service. */
async function naiveRow(bench: Bench): Promise<Row> {
  const count = bench.amount(10_000, 200);
  const load = new Program<WsLoad>('programs/ws-load.js');
  const naive = new Program<Naive>('peers/naive.js');
  try {
    const name = bench.unique('naive');
    const [org, theirs] = await makeOrgs(bench.admin, name, 2);
    if (!org || !theirs) throw new Error('no orgs were made');
    const send = async (url: string, of: typeof org, stored: () => Promise<void>): Promise<Run> => {
      await load.call('prepare', {
        url: `${url.replace('http', 'ws')}/ws`,
        run: bench.unique('run'),
        orgs: [of],
        count,
      });
      const cpu = bench.stack.cpuClock({ naive: naive.pid });
      const begun = performance.now();
      const { acks, errors } = await load.call('pipelined', { window: 256 });
      if (acks !== count) throw new Error(`${errors} messages were refused`);
      await stored();
      return { value: count / ((performance.now() - begun) / 1000), done: count, cpu: cpu.elapsed() };
    };
    let total = 0;
    const own = await repeat(bench, () =>
      send(bench.stack.url('ingest-gateway'), org, async () => {
        total += count;
        await until(total, async () => (await countsOf(bench.admin, org.id)).published);
      }),
    );
    const url = await naive.call('listen', { databaseUrl: bench.stack.stack.databaseUrl, orgId: theirs.id });
    const peer = await repeat(bench, () => send(url, theirs, async () => {}));
    return {
      scenario: 'peers',
      subject: 'one socket, until stored',
      unit: 'decisions/s',
      ours: together(own, CPU_PER),
      ceiling: { name: 'naive service', ...together(peer, CPU_PER) },
      cpuPer: CPU_PER,
    };
  } finally {
    await Promise.all([load.stop(), naive.stop()]);
  }
}
