import { createHash, generateKeyPairSync, randomInt } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { authorize } from '@governsai/access';
import { type ChainVerification, canonicalJson } from '@governsai/contracts';
import { createHttpApp, createLogger, Health, type HttpApp } from '@governsai/service';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { verifyChainRoute } from '../routes/verify-chain.ts';
import { signCheckpoints } from './checkpoints.ts';
import { pruneDecisions } from './retention.ts';
import { createProofBench, type ProofBench } from './testing.ts';

const ROUNDS = 10;
const TABLES = ['decisions', 'org_chains', 'checkpoints', 'pruned_decisions'] as const;
// Chains of 24: the first whole, of the second 6 are pruned. Signed at 12 and 24.
const [LENGTH, PRUNED] = [24, 6];

let proof: ProofBench;
let app: HttpApp;
let baseUrl: string;
let whole: string;
let pruned: string;

beforeAll(async () => {
  proof = await createProofBench();
  const { privateKey } = generateKeyPairSync('ed25519');
  const sign = () => signCheckpoints(proof.db, privateKey, () => new Date());
  [whole, pruned] = [await proof.orgWith(LENGTH / 2), await proof.orgWith(LENGTH / 2)];
  await sign();
  for (const org of [whole, pruned]) await proof.append(org, LENGTH / 2 + 1, LENGTH / 2);
  await sign();
  await retain(pruned);
  await serve();
  for (const table of TABLES) await run(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`);
});

afterAll(async () => {
  await app?.close();
  await proof?.drop();
});

const run = (sql: string, values: unknown[] = []) => proof.admin.system.execute(sql, values);

/** Prunes the first decisions of an org as retention would, were they old. */
async function retain(org: string): Promise<void> {
  await run('UPDATE organizations SET retention_days = 1 WHERE id = $1', [org]);
  await run('UPDATE org_chains SET published_seq = last_seq WHERE org_id = $1', [org]);
  await run('INSERT INTO tracker_cursors (org_id, seq) VALUES ($1, $2)', [org, LENGTH]);
  const age = `UPDATE decisions SET recorded_at = recorded_at - interval '3 days' WHERE org_id = $1 AND seq <= $2`;
  await run(age, [org, PRUNED]);
  expect(await pruneDecisions(proof.db)).toBe(PRUNED);
}

async function serve(): Promise<void> {
  const log = createLogger('decision-writer', 'silent');
  app = createHttpApp({
    service: 'decision-writer',
    log,
    health: new Health({ service: 'decision-writer', intervalMs: 1000, log }),
    authenticate: async (req) => ({
      kind: 'apiKey',
      orgId: /orgs\/([^/]+)/.exec(req.url ?? '')?.[1] ?? '',
      userId: null,
      keyId: 'auditor',
      scopes: ['decisions:read'],
      expiresAt: null,
    }),
    authorize,
  });
  verifyChainRoute(app, proof.db, () => {});
  const server = await app.listen(0, '127.0.0.1');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function verify(org: string): Promise<ChainVerification> {
  const response = await fetch(`${baseUrl}/v1/orgs/${org}/chain/verify`);
  expect(response.status).toBe(200);
  return (await response.json()) as ChainVerification;
}

async function restore(): Promise<void> {
  for (const table of TABLES) {
    await run(`DELETE FROM ${table}`);
    await run(`INSERT INTO ${table} SELECT * FROM kept_${table}`);
  }
}

const anyOf = <T>(list: readonly T[]): T => list[randomInt(list.length)] as T;
const between = (from: number, to: number) => randomInt(from, to + 1);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Another text that differs in one character, of the same kind as the one there. */
function oneByteOff(text: string): string {
  const at = randomInt(text.length);
  const now = text[at] as string;
  const others = [...'0123456789abcdef'].filter((letter) => letter !== now);
  return text.slice(0, at) + anyOf(others) + text.slice(at + 1);
}

/** What somebody with every right did to an org, and what has to be said of it. */
interface Tampering {
  what: string;
  seq: number | readonly number[];
  kind?: 'altered' | 'missing' | 'inserted' | 'checkpoint';
}

type Tamper = (org: string, first: number) => Promise<Tampering>;

async function storedValue(org: string, seq: number, expression: string): Promise<string> {
  const sql = `SELECT (${expression})::text AS value FROM decisions WHERE org_id = $1 AND seq = $2`;
  const [row] = await proof.admin.system.query<{ value: string }>(sql, [org, seq]);
  return row?.value ?? '';
}

const setColumn = (org: string, seq: number, column: string, value: string | null, cast = 'text') =>
  run(`UPDATE decisions SET ${column} = $3::${cast} WHERE org_id = $1 AND seq = $2`, [org, seq, value]);

/** One byte of a column of the decisions. */
function byteOf(column: string): Tamper {
  return async (org, first) => {
    const seq = between(first, LENGTH);
    const value = oneByteOff(await storedValue(org, seq, column));
    await setColumn(org, seq, column, value);
    return { what: `${column} := ${value}`, seq, kind: 'altered' };
  };
}

/** A column of the decisions set to what an expression says. */
function columnTo(column: string, expression: string): Tamper {
  return async (org, first) => {
    const seq = between(first, LENGTH);
    await run(`UPDATE decisions SET ${column} = ${expression} WHERE org_id = $1 AND seq = $2`, [org, seq]);
    return { what: `${column} := ${expression}`, seq, kind: 'altered' };
  };
}

/** Something of a checkpoint. */
function checkpointTo(column: string, change: (value: string) => string): Tamper {
  return async (org) => {
    const seq = anyOf([LENGTH / 2, LENGTH]);
    const where = 'WHERE org_id = $1 AND seq = $2';
    const sql = `SELECT ${column}::text AS value FROM checkpoints ${where}`;
    const [row] = await proof.admin.system.query<{ value: string }>(sql, [org, seq]);
    const value = change(row?.value ?? '');
    const type = column === 'seq' ? 'bigint' : column === 'at' ? 'timestamptz' : 'text';
    await run(`UPDATE checkpoints SET ${column} = $3::${type} ${where}`, [org, seq, value]);
    return {
      what: `checkpoint ${column} := ${value}`,
      seq: column === 'seq' ? Number(value) : seq,
      kind: 'checkpoint',
    };
  };
}

/** Forges a record and hashes anew as much as asked: what the chain alone cannot tell from the truth. */
async function forge(org: string, from: number, to: number): Promise<void> {
  let prevHash = await storedValue(org, from, 'prev_hash');
  for (let seq = from; seq <= to; seq++) {
    const record = JSON.parse(await storedValue(org, seq, 'record')) as object;
    const forged = canonicalJson({ ...record, prevHash, ...(seq === from && { decision: 'deny' }) });
    const hash = sha256(forged);
    const set = 'record = $3, hash = $4, prev_hash = $5, decision = $6';
    const decision = (JSON.parse(forged) as { decision: string }).decision;
    await run(`UPDATE decisions SET ${set} WHERE org_id = $1 AND seq = $2`, [
      org,
      seq,
      forged,
      hash,
      prevHash,
      decision,
    ]);
    prevHash = hash;
  }
  if (to === LENGTH) await run('UPDATE org_chains SET head_hash = $2 WHERE org_id = $1', [org, prevHash]);
}

const TAMPERINGS: Record<string, Tamper> = {
  ...Object.fromEntries(
    ['record', 'hash', 'prev_hash', 'id', 'body_hash', 'tool', 'correlation_id', 'person_salt'].map((column) => [
      `a byte of ${column}`,
      byteOf(column),
    ]),
  ),
  'the decision': columnTo('decision', `'deny'`),
  'the direction': columnTo('direction', `'postcheck'`),
  'a tag more': columnTo('tags', `tags || '{b}'`),
  'no tag': columnTo('tags', `'{}'`),
  'another person': columnTo('person', `'{"userId":"somebody-else"}'`),
  'a person more': columnTo('person', `person || '{"keyUserId":"x"}'`),
  'no person': columnTo('person', 'NULL'),
  'no salt': columnTo('person_salt', 'NULL'),
  'a person erased, as if by us': async (org, first) => {
    const done = await columnTo('person', 'NULL')(org, first);
    await setColumn(org, done.seq as number, 'person_salt', null);
    return done;
  },
  'a microsecond of ts': columnTo('ts', `ts + interval '1 microsecond'`),
  'a microsecond of recorded_at': columnTo('recorded_at', `recorded_at - interval '1 microsecond'`),
  'a row deleted': async (org, first) => {
    const seq = between(first, LENGTH);
    await run('DELETE FROM decisions WHERE org_id = $1 AND seq = $2', [org, seq]);
    return { what: 'deleted', seq, kind: 'missing' };
  },
  'two rows swapped': async (org, first) => {
    const [one, other] = [between(first, 14), between(15, LENGTH)];
    for (const [from, to] of [
      [one, 1000],
      [other, one],
      [1000, other],
    ]) {
      await run('UPDATE decisions SET seq = $3 WHERE org_id = $1 AND seq = $2', [org, from, to]);
    }
    return { what: `${one} and ${other}`, seq: one, kind: 'altered' };
  },
  'a row inserted behind the head': async (org, first) => {
    const seq = between(LENGTH + 1, LENGTH + 9);
    const columns = `body_hash, direction, decision, tool, correlation_id, tags, ts, recorded_at, record, prev_hash, hash, person, person_salt`;
    await run(
      `INSERT INTO decisions (org_id, seq, id, ${columns})
       SELECT org_id, $3, 'dec_forged', ${columns} FROM decisions WHERE org_id = $1 AND seq = $2`,
      [org, between(first, LENGTH), seq],
    );
    return { what: 'inserted', seq, kind: 'inserted' };
  },
  'a record forged and hashed anew': async (org, first) => {
    const seq = between(first, LENGTH);
    await forge(org, seq, seq === LENGTH ? LENGTH - 1 : seq);
    return seq === LENGTH ? columnTo('decision', `'deny'`)(org, LENGTH) : { what: 'forged', seq, kind: 'altered' };
  },
  'a record forged and all behind it hashed anew': async (org, first) => {
    const seq = between(first, LENGTH);
    await forge(org, seq, LENGTH);
    return { what: `forged from ${seq}`, seq: seq <= LENGTH / 2 ? LENGTH / 2 : LENGTH, kind: 'checkpoint' };
  },
  'a byte of the head': async (org) => {
    const [row] = await proof.admin.system.query<{ head_hash: string }>(
      'SELECT head_hash FROM org_chains WHERE org_id = $1',
      [org],
    );
    await run('UPDATE org_chains SET head_hash = $2 WHERE org_id = $1', [org, oneByteOff(row?.head_hash ?? '')]);
    return { what: 'the head', seq: LENGTH, kind: 'altered' };
  },
  'the head ahead': async (org) => {
    await run('UPDATE org_chains SET last_seq = last_seq + $2 WHERE org_id = $1', [org, between(1, 9)]);
    return { what: 'last_seq', seq: LENGTH + 1, kind: 'missing' };
  },
  'the end cut off': async (org) => {
    const last = between(13, LENGTH - 1);
    const head = await storedValue(org, last, 'hash');
    await run('DELETE FROM decisions WHERE org_id = $1 AND seq > $2', [org, last]);
    const set = 'last_seq = $2, head_hash = $3, published_seq = least(published_seq, $2)';
    await run(`UPDATE org_chains SET ${set} WHERE org_id = $1`, [org, last, head]);
    return { what: `all behind ${last}`, seq: last + 1, kind: 'missing' };
  },
  'the head row deleted': async (org) => {
    await run('DELETE FROM org_chains WHERE org_id = $1', [org]);
    return { what: 'org_chains', seq: 1 };
  },
  'the beginning hidden': async (org, first) => {
    const seq = between(first + 1, 12);
    const before = await storedValue(org, seq, 'prev_hash');
    const set = 'first_seq = $2, first_prev_hash = $3';
    await run(`UPDATE org_chains SET ${set} WHERE org_id = $1`, [org, seq, before]);
    return { what: `first_seq := ${seq}`, seq: first };
  },
  'the beginning cut off, as if pruned': async (org, first) => {
    const seq = between(first + 1, 12);
    const before = await storedValue(org, seq, 'prev_hash');
    await run('DELETE FROM decisions WHERE org_id = $1 AND seq < $2', [org, seq]);
    const set = 'first_seq = $2, first_prev_hash = $3';
    await run(`UPDATE org_chains SET ${set} WHERE org_id = $1`, [org, seq, before]);
    return { what: `all before ${seq}`, seq: first, kind: 'missing' };
  },
  'a byte of a signature': checkpointTo('signature', (value) => oneByteOff(value.slice(0, 80)) + value.slice(80)),
  'a byte of a signed head': checkpointTo('head', oneByteOff),
  'a byte of a public key': checkpointTo('public_key', (value) => oneByteOff(value.slice(0, 40)) + value.slice(40)),
  'a byte of a key id': checkpointTo('key_id', oneByteOff),
  'the time of a checkpoint': checkpointTo('at', (value) => new Date(Date.parse(value) + 1).toISOString()),
  'the place of a checkpoint': checkpointTo('seq', () => String(anyOf([3, 8, 15, 23, 25, 99]))),
};

it('G3: chain/verify finds each of many random tamperings with the table, and names the place', async () => {
  expect(await verify(whole)).toEqual({ valid: true, checked: LENGTH });
  expect(await verify(pruned)).toEqual({ valid: true, checked: LENGTH - PRUNED });
  for (const [name, tamper] of Object.entries(TAMPERINGS)) {
    for (let round = 0; round < ROUNDS; round++) {
      const [org, first] = round % 2 === 0 ? ([whole, 1] as const) : ([pruned, PRUNED + 1] as const);
      const { what, seq, kind } = await tamper(org, first);
      const result = await verify(org);
      const told = { name, what, org, result };
      const firstBroken = { seq, ...(kind && { kind }) };
      expect(told).toMatchObject({ name, what, org, result: { valid: false, firstBroken } });
      await restore();
    }
  }
  expect(await verify(whole)).toEqual({ valid: true, checked: LENGTH });
  expect(await verify(pruned)).toEqual({ valid: true, checked: LENGTH - PRUNED });
}, 300_000);
