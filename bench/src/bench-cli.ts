import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ServiceProfiler } from './profile/profiler.ts';
import { heading, table } from './report.ts';
import { saveReport } from './results.ts';
import { runScenarios } from './run.ts';
import { OTHER_SCENARIOS, SCENARIOS } from './scenarios.ts';

const USAGE = `usage: bench-cli [--smoke] [--scenario NAME]... [--runs N] [--scale PART] [--profile]

Measures the whole system on this machine. Without --scenario all of:
${SCENARIOS.map(({ name, purpose }) => `  ${name.padEnd(12)} ${purpose}`).join('\n')}

--scale 0.2 does a fifth of the large amounts, for a quick look.
--profile measures no ceilings and leaves a CPU profile and a heap summary of each service.`;

const ROOT = join(import.meta.dirname, '../..');
const RESULTS = join(ROOT, '.test/bench');

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    scenario: { type: 'string', multiple: true },
    runs: { type: 'string' },
    scale: { type: 'string', default: '1' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const wanted = values.scenario ?? SCENARIOS.map(({ name }) => name);
const all = [...SCENARIOS, ...OTHER_SCENARIOS];
const unknown = wanted.filter((name) => !all.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.error(`there is no scenario ${unknown.join(', ')}\n\n${USAGE}`);
  process.exit(2);
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => interrupted.abort(new Error(`ended by ${name}`)));
}
const begun = Date.now();
const profiler = values.profile ? new ServiceProfiler(join(RESULTS, 'profiles'), ROOT) : null;
const report = await runScenarios({
  scenarios: all.filter(({ name }) => wanted.includes(name)),
  size: {
    smoke: values.smoke,
    runs: Number(values.runs ?? (values.smoke || profiler ? 1 : 3)),
    scale: Number(values.scale),
    ceilings: !profiler,
  },
  dir: join(ROOT, '.test', `bench-${process.pid}`),
  say: (text) => console.log(text),
  report: (row) => console.log(`\n${table([row])}\n`),
  signal: interrupted.signal,
  ...(profiler && { env: profiler.env, measuring: (pids) => profiler.around(pids) }),
}).catch((error: unknown) => {
  console.error(interrupted.signal.aborted ? String(error) : error);
  process.exit(1);
});
for (const [name, { cpu, heap }] of Object.entries(profiler?.summaries() ?? {})) {
  console.log(`\n${name}: ${cpu.split('\n').slice(0, 16).join('\n')}\n${heap.split('\n').slice(0, 8).join('\n')}`);
}
const seconds = Math.round((Date.now() - begun) / 1000);
if (profiler || values.smoke) {
  console.log(`\n${table(report.rows)}\n\n${seconds} s in all`);
} else {
  const file = join(RESULTS, 'results.json');
  const whole = saveReport(
    file,
    report,
    all.map(({ name }) => name),
  );
  console.log(`\n${heading(whole.machine)}\n\n${table(whole.rows)}\n`);
  console.log(`${seconds} s in all; the same, and what else was measured of this commit, as JSON: ${file}`);
}
if (profiler)
  console.log(
    `flame graphs for https://www.speedscope.app, Chrome or VS Code: ${join(RESULTS, 'profiles')}/*.cpuprofile`,
  );
