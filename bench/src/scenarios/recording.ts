import { drainBacklog } from '../backlog.ts';
import type { BareInsert } from '../ceilings/bare-insert.ts';
import { makeOrgs } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad } from '../programs/http-load.ts';
import { repeat, together } from '../runs.ts';
import type { Bench, Row, Runs, Scenario } from '../scenario.ts';

const CPU_PER = 100_000;

export const recording: Scenario = {
  name: 'recording',
  purpose: 'Decisions a second that one writer stores and publishes from a backlog of 200,000.',
  async run(bench) {
    const rows: Row[] = [];
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      for (const orgs of bench.size.smoke ? [3] : [1, 10, 100]) {
        const ceiling = bench.size.ceilings ? await bareInsert(bench, orgs) : null;
        const name = bench.unique('recording');
        const count = bench.amount(200_000, 1200);
        const backlog = { name, orgs: await makeOrgs(bench.admin, name, orgs), count, parts: bench.size.runs };
        const runs = await drainBacklog(bench, bench, load, backlog);
        bench.say(`${orgs} orgs: ${runs.map(({ value }) => Math.round(value)).join(', ')} decisions/s`);
        rows.push({
          scenario: 'recording',
          subject: `backlog of ${count} decisions of ${orgs} org${orgs === 1 ? '' : 's'}`,
          unit: 'decisions/s',
          ours: together(runs, CPU_PER),
          ceiling: ceiling && { name: 'bare INSERT', ...ceiling },
          cpuPer: CPU_PER,
        });
      }
      return rows;
    } finally {
      await load.stop();
    }
  },
};

async function bareInsert(bench: Bench, orgs: number): Promise<Runs> {
  const program = new Program<BareInsert>('ceilings/bare-insert.js');
  try {
    const count = bench.amount(20_000, 1000);
    const quiet = { ...bench, measuring: { begin: async () => {}, end: async () => {} } };
    const runs = await repeat(quiet, async () => {
      const table = bench.unique('bare_insert').replaceAll('-', '_');
      // The same columns and the same indexes.
      await bench.admin.system.execute(`CREATE TABLE ${table} (LIKE decisions INCLUDING ALL)`);
      await program.call('prepare', { run: table, count, orgs });
      const cpu = bench.stack.cpuClock({ insert: program.pid });
      const { seconds } = await program.call('insert', { databaseUrl: bench.stack.stack.databaseUrl, table });
      return { value: count / seconds, done: count, cpu: cpu.elapsed() };
    });
    return together(runs, CPU_PER);
  } finally {
    await program.stop();
  }
}
