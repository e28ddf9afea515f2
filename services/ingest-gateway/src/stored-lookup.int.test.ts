import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createStoredLookup, type StoredLookup } from './stored-lookup.ts';

const log = createLogger('test', 'silent');
const NOBODY = 'postgres://nobody:x@127.0.0.1:1/nothing';

let database: TestDatabase;
let admin: Database;
let db: Database;
let lookup: StoredLookup;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDatabase({ url: database.adminUrl, poolSize: 2, applicationName: 'test' });
  db = createDatabase({ url: database.appUrl, poolSize: 1, applicationName: 'test' });
  lookup = createStoredLookup({ db, log, deadlineMs: 5_000 });
  for (const org of ['acme', 'globex']) {
    await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]);
    await admin.system.execute('INSERT INTO org_chains (org_id) VALUES ($1)', [org]);
  }
});
afterAll(async () => {
  await Promise.all([db?.close(), admin?.close()]);
  await database?.drop();
});

/** Stores decisions `dec_<from>` … of an org, each with its id as the hash of its body. */
async function store(orgId: string, from: number, to: number): Promise<void> {
  await admin.system.execute(
    `INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, tags, ts, recorded_at, record, prev_hash, hash)
     SELECT $1, n, 'dec_' || n, 'dec_' || n, 'precheck', 'allow', '{}', now(), now(), '{}', '', ''
     FROM generate_series($2::int, $3::int) AS n`,
    [orgId, from, to],
  );
}

const key = (orgId: string, decisionId: string) => ({ orgId, decisionId });

describe('the look-up of stored keys', () => {
  it('finds what is stored as a decision, as an event, and what was pruned, in its own org only', async () => {
    // The connection plans its look-up here, when nothing is stored.
    expect(await lookup.find([key('acme', 'dec_1')])).toEqual(new Map());
    await store('acme', 1, 3);
    await store('globex', 7, 7);
    await admin.system.execute(
      `INSERT INTO events (org_id, id, idempotency_key, schema, body_hash, data, received_at)
       VALUES ('acme', 'dec_event', 'k', 'toolcall.v1', 'of the event', '{}', now())`,
    );
    await admin.system.execute(
      `INSERT INTO pruned_decisions (org_id, id, body_hash, seq) VALUES ('acme', 'dec_pruned', 'of the pruned', 0)`,
    );
    const asked = ['dec_1', 'dec_3', 'dec_event', 'dec_pruned', 'dec_7', 'dec_4'].map((id) => key('acme', id));
    expect(await lookup.find(asked)).toEqual(
      new Map([
        ['dec_1', 'dec_1'],
        ['dec_3', 'dec_3'],
        ['dec_event', 'of the event'],
        ['dec_pruned', 'of the pruned'],
      ]),
    );
    expect(await lookup.find([key('globex', 'dec_7'), key('acme', 'dec_7')])).toEqual(new Map([['dec_7', 'dec_7']]));
  });

  it('reads only what it finds, though it was planned when the table was empty', async () => {
    await store('acme', 1_000, 4_000);
    const fetched = async () => {
      // What a backend has counted is told once a second at most, or when it is asked to.
      await db.system.query('SELECT pg_stat_force_next_flush()');
      const [row] = await admin.system.query<{ rows: number }>(
        `SELECT idx_tup_fetch + seq_tup_read AS rows FROM pg_stat_user_tables WHERE relname = 'decisions'`,
      );
      return row?.rows ?? 0;
    };
    const before = await fetched();
    for (let n = 0; n < 20; n++) await lookup.find([key('acme', `dec_${1_000 + n}`), key('acme', `dec_none_${n}`)]);
    expect((await fetched()) - before).toBe(20);
  });

  it('asks once for all that came while another question was under way', async () => {
    let questions = 0;
    const counting: Database = {
      ...db,
      system: {
        ...db.system,
        query: (text, values) => {
          questions++;
          return db.system.query(text, values);
        },
      },
    };
    const gathering = createStoredLookup({ db: counting, log, deadlineMs: 5_000 });
    const first = gathering.find([key('acme', 'dec_1')]);
    while (questions === 0) await new Promise((resolve) => setImmediate(resolve));
    const rest = [2, 3, 4].map((n) => gathering.find([key('acme', `dec_${n}`)]));
    expect((await first).get('dec_1')).toBe('dec_1');
    const answers = await Promise.all(rest);
    expect(answers.map((answer, i) => answer.get(`dec_${i + 2}`))).toEqual(['dec_2', 'dec_3', undefined]);
    expect(questions).toBe(2);
  });

  it('G8: answers nothing within the deadline while PostgreSQL is locked or away, then is not asked for a while', async () => {
    const hasty = createStoredLookup({ db, log, deadlineMs: 50, pauseMs: 200 });
    await admin.transaction([], async (tx) => {
      await tx.execute('LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE');
      const begun = performance.now();
      const answers = [hasty.find([key('acme', 'dec_1')]), hasty.find([key('acme', 'dec_2')])];
      expect(await Promise.all(answers)).toEqual([new Map(), new Map()]);
      expect(await hasty.find([key('acme', 'dec_3')])).toEqual(new Map());
      expect(performance.now() - begun).toBeLessThan(2_000);
    });
    const away = createDatabase({ url: NOBODY, poolSize: 1, applicationName: 'test' });
    expect(await createStoredLookup({ db: away, log, deadlineMs: 50 }).find([key('acme', 'dec_1')])).toEqual(new Map());
    await away.close();
    for (let i = 0; i < 100 && (await hasty.find([key('acme', 'dec_1')])).size === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await hasty.find([key('acme', 'dec_1')])).toEqual(new Map([['dec_1', 'dec_1']]));
  });
});
