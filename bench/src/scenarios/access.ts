import { createHash } from 'node:crypto';
import { INTERNAL_TOKEN_HEADER } from '@governsai/contracts';
import { type BenchOrg, makeOrgs, makePeople, PASSWORD } from '../orgs.ts';
import { Program } from '../program.ts';
import type { HttpLoad, Wanted } from '../programs/http-load.ts';
import { repeat, together } from '../runs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';

const CPU_PER = 1000;

export const access: Scenario = {
  name: 'access',
  purpose: 'Credentials a second: verified by auth when no gateway has them cached, signed in by password, refreshed.',
  async run(bench) {
    const [org] = await makeOrgs(bench.admin, bench.unique('access'), 1);
    if (!org) throw new Error('no org was made');
    const load = new Program<HttpLoad>('programs/http-load.js');
    try {
      return [await verifications(bench, org, load), ...(await sessions(bench, org, load))];
    } finally {
      await load.stop();
    }
  },
};

async function verifications(bench: Bench, org: BenchOrg, load: Program<HttpLoad>): Promise<Row> {
  const count = bench.amount(5000, 20);
  const keyHash = createHash('sha256').update(org.key).digest('hex');
  const headers = { [INTERNAL_TOKEN_HEADER]: bench.stack.internalToken };
  const wanted: Wanted = { path: '/internal/verify', headers, value: { keyHash } };
  await load.call(
    'requests',
    Array.from({ length: count }, () => wanted),
  );
  const runs = await repeat(bench, async () => {
    const cpu = bench.stack.cpuClock();
    const seconds = await post(load, bench, 16);
    return { value: count / seconds, done: count, cpu: cpu.elapsed() };
  });
  return rowOf('API keys verified by auth', 'verifications/s', together(runs, CPU_PER));
}

/** Signs everybody in, then refreshes what they got: a refresh token is good for one time. */
async function sessions(bench: Bench, org: BenchOrg, load: Program<HttpLoad>): Promise<Row[]> {
  const count = bench.amount(40, 3);
  const logins = [];
  const refreshes = [];
  for (let run = 0; run < bench.size.runs; run++) {
    const emails = await makePeople(bench.admin, org.id, count, run);
    const cpu = bench.stack.cpuClock();
    const signedIn = await exchange(
      bench,
      load,
      emails.map((email) => signIn(email)),
    );
    logins.push({ value: count / signedIn.seconds, done: count, cpu: cpu.elapsed() });
    const again = bench.stack.cpuClock();
    const tokens = signedIn.answers.map((text) => (JSON.parse(text) as { refreshToken: string }).refreshToken);
    const refreshed = await exchange(
      bench,
      load,
      tokens.map((refreshToken) => refresh(refreshToken)),
    );
    refreshes.push({ value: count / refreshed.seconds, done: count, cpu: again.elapsed() });
  }
  return [
    rowOf('logins by password (argon2id)', 'logins/s', together(logins, CPU_PER)),
    rowOf('sessions refreshed', 'refreshes/s', together(refreshes, CPU_PER)),
  ];
}

function signIn(email: string): Wanted {
  return { path: '/v1/auth/login', headers: {}, value: { email, password: PASSWORD } };
}

function refresh(refreshToken: string): Wanted {
  return { path: '/v1/auth/refresh', headers: {}, value: { refreshToken } };
}

async function exchange(bench: Bench, load: Program<HttpLoad>, wanted: readonly Wanted[]) {
  await load.call('requests', wanted);
  const outcome = await load.call('closed', { url: bench.stack.url('auth'), connections: 4, answered: true });
  checkAll(outcome.statuses);
  return outcome;
}

async function post(load: Program<HttpLoad>, bench: Bench, connections: number): Promise<number> {
  const { seconds, statuses } = await load.call('closed', { url: bench.stack.url('auth'), connections });
  checkAll(statuses);
  return seconds;
}

function checkAll(statuses: Readonly<Record<string, number>>): void {
  if (Object.keys(statuses).join() !== '200') throw new Error(`requests were refused: ${JSON.stringify(statuses)}`);
}

function rowOf(subject: string, unit: string, ours: Row['ours']): Row {
  return { scenario: 'access', subject, unit, ours, ceiling: null, cpuPer: CPU_PER };
}
