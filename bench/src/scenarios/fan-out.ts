import type { BarePush } from '../ceilings/bare-push.ts';
import { type BenchOrg, makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { BARE, ours } from '../programs/protocols.ts';
import type { ClientSpec, Subscribers } from '../programs/subscribers.ts';
import { costRatio, inTurns, type Run, repeat, together } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const CPU_PER = 100_000;

export interface Shape {
  subject: string;
  orgs: number;
  /** Of each org. */
  subscribers: number;
  /** Of each org and run. */
  decisions: number;
}

const SHAPES: readonly Shape[] = [
  { subject: 'one org, 1 subscriber', orgs: 1, subscribers: 1, decisions: 4000 },
  { subject: 'one org, 100 subscribers', orgs: 1, subscribers: 100, decisions: 2000 },
  { subject: 'one org, 1,000 subscribers', orgs: 1, subscribers: 1000, decisions: 400 },
  { subject: 'one org, 5,000 subscribers', orgs: 1, subscribers: 5000, decisions: 100 },
  { subject: '1,000 orgs, 5 subscribers each', orgs: 1000, subscribers: 5, decisions: 8 },
];
/** Runs in turns with the ceiling for each that is asked for: they are short. */
const RUNS_OF_ONE = 2;
const SMOKE: readonly Shape[] = [{ subject: '2 orgs, 5 subscribers each', orgs: 2, subscribers: 5, decisions: 50 }];

export const fanOut: Scenario = {
  name: 'fan-out',
  purpose: 'Pushes a second to many subscribers, from HTTP to the last socket.',
  async run(bench) {
    const rows: Row[] = [];
    for (const shape of bench.size.smoke ? SMOKE : SHAPES) rows.push(await measureShape(bench, shape));
    return rows;
  },
};

async function measureShape(bench: Bench, shape: Shape): Promise<Row> {
  const name = bench.unique('fan');
  const orgs = await makeOrgs(bench.admin, name, shape.orgs);
  const clients = new Program<Subscribers>('programs/subscribers.js');
  const load = new Program<HttpLoad>('programs/http-load.js');
  try {
    const specs = orgs.flatMap(({ id, key }): ClientSpec[] =>
      Array.from({ length: shape.subscribers }, () => ({ key, protocol: ours(`org:${id}:decisions`, null) })),
    );
    const url = bench.stack.url('push-gateway');
    const { seconds } = await clients.call('connect', { url, specs });
    bench.say(`${shape.subject}: connected in ${seconds.toFixed(1)} s`);
    const deliver = deliveries(bench, shape, orgs, clients, load);
    if (!bench.size.ceilings) return rowOf(shape, await repeat(bench, deliver));
    return await withBareServer(bench, shape, orgs, async (broadcast) => {
      const runs = await inTurns(bench, [deliver, broadcast], bench.size.runs * RUNS_OF_ONE);
      return {
        ...rowOf(shape, runs[0]),
        ceiling: { name: 'bare ws server', ...together(runs[1], CPU_PER) },
        facts: { 'CPU × bare': costRatio(runs, ({ cpu }, of) => cpu[of === 0 ? 'push-gateway' : 'bare-push'] ?? 0) },
      };
    });
  } finally {
    await Promise.all([clients.stop(), load.stop()]);
  }
}

function rowOf({ subject }: Shape, runs: readonly Run[]): Row {
  return {
    scenario: 'fan-out',
    subject,
    unit: 'pushes/s',
    ours: together(runs, CPU_PER),
    ceiling: null,
    cpuPer: CPU_PER,
  };
}

/** Runs in which decisions go in over HTTP and are waited for at the clients, each at every one. */
export function deliveries(
  bench: Bench,
  { decisions, subscribers }: Shape,
  orgs: readonly BenchOrg[],
  clients: Program<Subscribers>,
  load: Program<HttpLoad>,
  programs: Readonly<Record<string, number>> = {},
): () => Promise<Run> {
  const count = decisions * orgs.length;
  let total = 0;
  return async () => {
    await load.call('decisions', { run: bench.unique('run'), orgs, count, batch: Math.min(20, decisions) });
    total += count * subscribers;
    const cpu = bench.stack.cpuClock({ subscribers: clients.pid, ...programs });
    const arrived = clients.call('arrived', { total });
    const url = bench.stack.url('ingest-gateway');
    const { statuses } = await load.call('closed', { url, connections: 4 });
    if (Object.keys(statuses).join() !== '202') throw new Error(`requests were refused: ${JSON.stringify(statuses)}`);
    const { seconds } = await arrived;
    const { pushes: delivered } = await clients.call('counts', null);
    if (delivered !== total) throw new Error(`${delivered} pushes arrived, ${total} were due`);
    return { value: (count * subscribers) / seconds, done: count * subscribers, cpu: cpu.elapsed() };
  };
}

/** Runs in which a bare server sends the frames of stored decisions to as many clients; it is there as long as `use` lasts. */
async function withBareServer<T>(
  bench: Bench,
  shape: Shape,
  [org]: readonly BenchOrg[],
  use: (run: () => Promise<Run>) => Promise<T>,
): Promise<T> {
  if (!org) throw new Error('there is no org');
  const clients = new Program<Subscribers>('programs/subscribers.js');
  const server = new Program<BarePush>('ceilings/bare-push.js');
  try {
    const url = await server.call('listen', null);
    const count = shape.orgs * shape.subscribers;
    const none: ClientSpec = { key: null, protocol: BARE };
    await clients.call('connect', { url, specs: Array.from({ length: count }, () => none) });
    let text: string | null = null;
    let total = 0;
    return await use(async () => {
      text ??= await clients.call('sample', {
        url: bench.stack.url('push-gateway').replace('http', 'ws'),
        spec: { key: org.key, protocol: ours(`org:${org.id}:decisions`, 0) },
      });
      const pushes = shape.decisions * count;
      total += pushes;
      const cpu = bench.stack.cpuClock({ 'bare-push': server.pid, subscribers: clients.pid });
      const arrived = clients.call('arrived', { total });
      await server.call('broadcast', { text, times: shape.decisions });
      const { seconds } = await arrived;
      return { value: pushes / seconds, done: pushes, cpu: cpu.elapsed() };
    });
  } finally {
    await Promise.all([clients.stop(), server.stop()]);
  }
}
