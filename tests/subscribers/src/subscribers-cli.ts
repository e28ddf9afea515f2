import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runSubscribers } from './run.ts';
import { runStalled } from './stalled.ts';

const USAGE = `usage: subscribers-cli [--short] [--seed N]
       subscribers-cli --stalled [--short]

Without --stalled: subscribers of many orgs on two push-gateways through kills, rolls, freezes, stalls and broken connections, each
held to every seq of its selection, once and in order. 2,000 of 100 orgs and 50 faults at random; with --short 200 of 10 orgs and
each fault once, on different parts of the system at the same time.
With --stalled: the latency of 100 healthy readers without and with 1,000 stalled ones beside them.`;

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    stalled: { type: 'boolean', default: false },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const say = (text: string) => process.stdout.write(`${text}\n`);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
if (values.help || !Number.isInteger(seed)) {
  say(USAGE);
  process.exit(values.help ? 0 : 2);
}
const dir = join(import.meta.dirname, '../../../.test', `subscribers-${process.pid}`);
const progress = (text: string) => say(`  ${text}`);

if (values.stalled) {
  const size = values.short ? { healthy: 20, stalled: 100, seconds: 5 } : { healthy: 100, stalled: 1000, seconds: 40 };
  const { alone, beside } = await runStalled({ dir, progress, ...size });
  say(`${size.healthy} healthy readers alone: p50 ${alone.p50} ms, p99 ${alone.p99} ms, of ${alone.count} pushes`);
  say(`beside ${size.stalled} stalled ones: p50 ${beside.p50} ms, p99 ${beside.p99} ms, of ${beside.count} pushes`);
  say(
    `p99 with ÷ without: ${(beside.p99 / alone.p99).toFixed(2)}; stalled readers closed and come back: ${beside.closed}`,
  );
  process.exit(0);
}

say(`subscribers with seed ${seed}; the same again: --seed ${seed}`);
const size = values.short
  ? { orgs: 10, subscribers: 200, faults: 'every' as const, rate: 60 }
  : { orgs: 100, subscribers: 2000, faults: 50, rate: 300 };
const result = await runSubscribers({ seed, dir, progress, ...size });
const { decisions, deliveries, reconnects, lost, repeated, disordered, seconds, faults } = result;
const struck = size.faults === 'every' ? 'every fault' : `${size.faults} faults`;
say(`${size.subscribers} subscribers of ${size.orgs} orgs, ${struck}, ${Math.round(seconds)} s`);
say(`${decisions} decisions, ${deliveries} deliveries, ${reconnects} reconnects`);
say(`lost ${lost}, repeated ${repeated}, out of order ${disordered}`);
for (const fault of faults.slice(0, 50)) say(`  ${fault}`);
if (faults.length > 50) say(`  and ${faults.length - 50} more`);
process.exit(faults.length > 0 ? 1 : 0);
