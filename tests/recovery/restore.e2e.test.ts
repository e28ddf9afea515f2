import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SERVICES } from '@governsai/contracts';
import { createDatabase, DEMO_ORGS } from '@governsai/db';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Stack, startStack } from '../../tools/src/stack.ts';

const root = join(import.meta.dirname, '../..');
const dir = join(root, '.test', `restore-${process.pid}`);
const acme = DEMO_ORGS.find((org) => org.id === 'acme') as (typeof DEMO_ORGS)[number];
const HALF = 40;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ dir, temporary: true });
}, 180_000);
afterAll(() => stack?.stop(), 60_000);

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(stack.edgeUrl + path, {
    method,
    headers: { authorization: `Bearer ${acme.admin.key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

/** Sends decisions of a cent each; resolves with their ids, in order, once all are acknowledged. */
async function send(name: string): Promise<string[]> {
  const decisions = Array.from({ length: HALF }, (_, i) => ({
    schema: 'decision.v1',
    idempotencyKey: `${name}-${i}`,
    data: { direction: 'precheck', decision: 'allow', usage: { cost: '0.01', currency: 'USD' } },
  }));
  const { results } = await call<{ results: { decisionId: string }[] }>('POST', '/v1/decisions', { decisions });
  return results.map(({ decisionId }) => decisionId);
}

interface State {
  ids: string[];
  seqs: number[];
  valid: boolean;
  ledger: string;
  keysCreated: number;
}

/** What is stored, as an auditor sees it, and the sum of the ledger as the database has it. */
async function readState(): Promise<State> {
  const { items } = await call<{ items: { id: string; seq: number }[] }>('GET', '/v1/orgs/acme/decisions?limit=1000');
  const { valid } = await call<{ valid: boolean }>('GET', '/v1/orgs/acme/chain/verify');
  const audit = await call<{ items: unknown[] }>('GET', '/v1/orgs/acme/audit?action=key.create');
  const admin = createDatabase({ url: stack.databaseUrl, poolSize: 1, applicationName: 'test' });
  try {
    const [row] = await admin.system.query<{ sum: string }>(
      `SELECT coalesce(sum(amount), 0)::text AS sum FROM budget_ledger WHERE org_id = 'acme' AND source = 'decision'`,
    );
    return {
      ids: items.map(({ id }) => id),
      seqs: items.map(({ seq }) => seq),
      valid,
      ledger: String(Number(row?.sum)),
      keysCreated: audit.items.length,
    };
  } finally {
    await admin.close();
  }
}

async function until(what: string, holds: (state: State) => boolean): Promise<State> {
  for (const deadline = Date.now() + 90_000; ; await delay(250)) {
    const state = await readState().catch(() => null);
    if (state && holds(state)) return state;
    if (Date.now() > deadline) throw new Error(`waited 90 s for ${what}; it is ${JSON.stringify(state)}`);
  }
}

const rewind = (to: Date) =>
  promisify(execFile)(process.execPath, ['tools/dist/admin-cli.js', 'rewind', '--to', to.toISOString()], {
    cwd: root,
    env: { PATH: process.env.PATH, KAFKA_BROKERS: stack.kafkaBrokers.join(',') },
  });

it('G1: what was acknowledged after the backup is stored again after PostgreSQL went back to it', async () => {
  const before = await send('before');
  const atBackup = await until('the first half', ({ ids, ledger }) => ids.length === HALF && Number(ledger) === 0.4);
  const data = join(dir, 'postgres');
  const backup = join(dir, 'backup');
  await stack.postgres.stop();
  const backupAt = new Date();
  await copy(data, backup);
  await stack.postgres.start();

  const after = await send('after');
  await call('POST', '/v1/orgs/acme/keys', { name: 'made after the backup', scopes: ['decisions:write'] });
  const lost = await until(
    'the second half',
    ({ ids, ledger, keysCreated }) =>
      ids.length === 2 * HALF && Number(ledger) === 0.8 && keysCreated === atBackup.keysCreated + 1,
  );

  await expect(rewind(backupAt)).rejects.toThrow('is running: stop every replica of it first');
  await Promise.all(SERVICES.map((name) => stack.service(name).scale(0)));
  await stack.postgres.stop();
  rmSync(data, { recursive: true });
  await copy(backup, data);
  await stack.postgres.start();
  const { stdout } = await rewind(backupAt);
  expect(stdout).toContain('decision-writer will read');

  await Promise.all(SERVICES.map((name) => stack.service(name).scale(1)));
  const restored = await until(
    'what was lost',
    ({ ids, ledger, keysCreated }) =>
      ids.length === 2 * HALF && Number(ledger) === 0.8 && keysCreated === lost.keysCreated,
  );
  expect(restored.ids).toEqual([...before, ...after]);
  expect(restored).toEqual(lost);
  expect(restored.valid).toBe(true);
  expect(restored.seqs).toEqual(restored.seqs.map((_, i) => i + 1));
}, 300_000);

/** `cp -a`: PostgreSQL runs as somebody else than the one who tests, and insists on its folder's owner and mode. */
async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}
