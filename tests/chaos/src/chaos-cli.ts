import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ALL_FAULTS, SHORT_FAULTS } from './faults.ts';
import { chaosTable, isRight, runChaos } from './run.ts';

const USAGE = `usage: chaos-cli [--short] [--seed N]... [--only PART-OF-A-NAME]

Runs the whole system under load and breaks it in every way, once a seed (three random ones by default; one with --short).`;

const MIN_DECISIONS = 5000;
const TEST_DIR = join(import.meta.dirname, '../../../.test');

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    seed: { type: 'string', multiple: true },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const say = (text: string) => process.stdout.write(`${text}\n`);
if (values.help) {
  say(USAGE);
  process.exit(0);
}

const short = values.short;
const faults = (short ? SHORT_FAULTS : ALL_FAULTS).filter(({ name }) => !values.only || name.includes(values.only));
const random = () => String(Math.floor(Math.random() * 1_000_000));
const seeds = (values.seed ?? (short ? [random()] : [random(), random(), random()])).map(Number);
if (faults.length === 0 || seeds.some((seed) => !Number.isInteger(seed))) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}

let failed = false;
for (const seed of seeds) {
  const logs = join(TEST_DIR, `chaos-logs-${seed}`);
  say(`chaos with seed ${seed}; the same again: --seed ${seed}`);
  const rows = await runChaos({
    seed,
    faults,
    dir: join(TEST_DIR, `chaos-${process.pid}`),
    logs,
    rate: short ? 100 : 150,
    warmUpMs: short ? 1500 : 3000,
    coolDownMs: short ? 1000 : 3000,
    long: !short,
    progress: (text) => say(`  ${text}`),
    report: (row) => say(chaosTable([row])),
  });
  say(`\nseed ${seed}\n${chaosTable(rows)}\n`);
  const total = rows.reduce((sum, row) => sum + row.acked, 0);
  if (!short && !values.only && total < MIN_DECISIONS) {
    say(`only ${total} decisions were ACKed, ${MIN_DECISIONS} are wanted`);
    failed = true;
  }
  if (!rows.every(isRight)) {
    say(`not all is right; the logs of every process are in ${logs}`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
