import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { createDatabase, type Database, DEMO_ORGS } from '@governsai/db';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Stack, startStack } from '../../tools/src/stack.ts';

const ADMIN = join(import.meta.dirname, '../../tools/dist/admin-cli.js');
const globex = DEMO_ORGS.find((org) => org.id === 'globex') as (typeof DEMO_ORGS)[number];
const COSTS = ['1', '2', '13', '4', '5'];

let stack: Stack;
let admin: Database;

beforeAll(async () => {
  stack = await startStack({
    dir: join(import.meta.dirname, '../../.test', `redrive-${process.pid}`),
    temporary: true,
  });
  admin = createDatabase({ url: stack.databaseUrl, poolSize: 2, applicationName: 'test' });
  await admin.system.execute(
    `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, hard)
     VALUES ('bud-redrive', 'globex', 'redrive', 1000, 'currency', 'USD', 'total', false)`,
  );
  // Something about 13 that the database does not take: as a constraint does that came with an upgrade.
  await admin.system.execute(
    `ALTER TABLE budget_ledger ADD CONSTRAINT unlucky CHECK (budget_id <> 'bud-redrive' OR amount <> 13)`,
  );
}, 180_000);

afterAll(async () => {
  await admin?.close();
  await stack?.stop();
}, 60_000);

/** The admin command, as an operator runs it in a cluster. */
async function run(...args: string[]): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '', KAFKA_BROKERS: stack.kafkaBrokers.join(',') };
  const child = spawn(process.execPath, [ADMIN, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect({ args, output, code }).toMatchObject({ code: 0 });
  return output;
}

async function submit(key: string, cost: string): Promise<void> {
  const data = { direction: 'precheck', decision: 'allow', usage: { cost, currency: 'USD' } };
  const answer = await fetch(`${stack.edgeUrl}/v1/decisions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${globex.producer.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ schema: 'decision.v1', idempotencyKey: key, data }),
  });
  expect(answer.status).toBe(202);
}

/** What the budget has booked, in order of seq; what was skipped; and how far the tracker has come. */
async function books() {
  const booked = await admin.system.query<{ seq: number; amount: string }>(
    `SELECT seq, trim_scale(amount)::text AS amount FROM budget_ledger WHERE budget_id = 'bud-redrive' ORDER BY id`,
  );
  const skipped = await admin.system.query<{ seq: number }>(
    `SELECT seq FROM tracker_skipped WHERE org_id = 'globex' ORDER BY seq`,
  );
  const [state] = await admin.system.query<{ seq: number; head: number; committed: string | null }>(
    `SELECT t.seq, c.last_seq AS head,
       (SELECT trim_scale(committed)::text FROM budget_states WHERE budget_id = 'bud-redrive') AS committed
     FROM tracker_cursors t JOIN org_chains c USING (org_id) WHERE org_id = 'globex'`,
  );
  return { booked: booked.map(({ amount }) => amount), skipped, ...state };
}

async function until(what: string, right: (now: Awaited<ReturnType<typeof books>>) => boolean) {
  for (let i = 0; i < 600; i++) {
    const now = await books();
    if (right(now)) return now;
    await pause(100);
  }
  throw new Error(`not within 60 s: ${what}; the books hold ${JSON.stringify(await books())}`);
}

it('G5 G10: a redrive counts exactly the decision that budget-tracker had given up, once', async () => {
  const before = (await books()).head ?? 0;
  for (const cost of COSTS) await submit(`redrive-${cost}`, cost);
  const all = before + COSTS.length;
  const given = await until('all but one counted', ({ seq, head }) => head === all && seq === all);
  expect(given).toMatchObject({ booked: ['1', '2', '4', '5'], skipped: [{ seq: before + 3 }], committed: '12' });
  expect(await run('dlq-list', '--topic', 'decisions.recorded')).toMatch(
    /org globex {2}the database refuses what it would book.*\n1 dead letters\./s,
  );

  // The cause is not mended: it comes back as it went, and nothing else is counted twice.
  expect(await run('dlq-redrive', '--topic', 'decisions.recorded')).toMatch(/^1 sent back\.$/m);
  for (let i = 0; !(await run('dlq-list')).includes('1 dead letters.'); i++) {
    if (i === 30) throw new Error('the decision that cannot be counted was not given up again');
  }
  expect(await books()).toEqual(given);

  await admin.system.execute('ALTER TABLE budget_ledger DROP CONSTRAINT unlucky');
  expect(await run('dlq-redrive')).toMatch(/^1 sent back\.$/m);
  const counted = await until('the skipped one counted', ({ skipped }) => skipped.length === 0);
  expect(counted).toMatchObject({ booked: ['1', '2', '4', '5', '13'], committed: '25', seq: all });
  expect(await run('dlq-redrive')).toMatch(/^0 sent back\.$/m);
  expect(await run('dlq-list')).toMatch(/^No dead letters\.$/m);

  // Whatever comes again later is known: the next one in line is counted behind it, and that alone.
  await submit('redrive-last', '7');
  const last = await until('the next one counted', ({ seq }) => seq === all + 1);
  expect(last).toMatchObject({ booked: ['1', '2', '4', '5', '13', '7'], committed: '32', skipped: [] });
}, 240_000);
