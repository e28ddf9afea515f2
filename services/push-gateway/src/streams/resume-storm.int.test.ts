import { setImmediate as nextTurn } from 'node:timers/promises';
import { canonicalJson, decisionViewOf } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hashOf, recordOf, type Say, store } from '../testing.ts';
import { DecisionLenses } from './decision-lens.ts';
import { DecisionPush } from './decision-push.ts';
import { decisionSources } from './decision-source.ts';
import { StreamRegistry } from './stream-registry.ts';
import type { Subscriber } from './subscription.ts';
import { Turns } from './turns.ts';

const CLIENTS = 5000;
const STORED = 600;
const LIVE = 40;

const say: Say = (seq) => ({ decision: seq % 10 === 0 ? 'deny' : 'allow' });

/** A socket that takes everything at once. */
class Reader implements Subscriber {
  readonly isOpen = true;
  readonly bufferedBytes = 0;
  readonly seqs: number[] = [];
  sendFramed({ payload }: { payload: Buffer }): void {
    this.seqs.push(JSON.parse(payload.toString()).seq);
  }
  async drained(): Promise<boolean> {
    return true;
  }
  close(code: number): void {
    throw new Error(`closed with ${code}`);
  }
}

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.appUrl, poolSize: 4, applicationName: 'storm' });
});

afterAll(async () => {
  await db?.close();
  await database?.drop();
});

describe('a resume of 5,000 clients at once', () => {
  it('G4: asks PostgreSQL for each page about once, serves everybody, and goes on live', async () => {
    const orgId = 'acme';
    await db.transaction([orgId], (tx) => tx.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [orgId]));
    await store(db, orgId, 1, STORED, say);
    let transactions = 0;
    const counted: Database = {
      ...db,
      transaction: (...args: Parameters<Database['transaction']>) => {
        transactions++;
        return db.transaction(...args);
      },
    } as Database;
    const turns = new Turns(() => performance.now());
    const lenses = new DecisionLenses(turns);
    const registry = new StreamRegistry({
      ringBytes: 20_000,
      slowMs: 60_000,
      turns,
      onReadFailure: (error) => {
        throw error;
      },
      pause: async () => {},
      now: () => performance.now(),
      sourceOf: decisionSources(counted),
    });
    const stream = registry.get(orgId);
    let live = STORED;
    const receive = () => {
      const record = recordOf(orgId, ++live, say);
      const view = decisionViewOf(record, hashOf(canonicalJson(record)));
      stream.receive(new DecisionPush(orgId, live, view, { keyId: null, usage: null }));
    };
    const failures: unknown[] = [];
    const clients = Array.from({ length: CLIENTS }, (_, i) => {
      // As after a restart: most were nearly at the end, a few far behind; some get denials alone.
      const since = i % 100 === 0 ? 0 : STORED - (i % 30);
      const filter = i % 4 === 0 ? 'decision == "deny"' : null;
      return { since, filter, reader: new Reader() };
    });
    const seen: number[] = [];
    const healthy = new Reader();
    (await stream.subscribe(healthy, null)).start((error) => failures.push(error));
    const before = transactions;
    const subscribing = clients.map(async ({ since, filter, reader }, i) => {
      // They come over many turns of the event loop, not in one.
      for (let turn = 0; turn < i / 100; turn++) await nextTurn();
      const lens = lenses.of({ kind: 'decisions', orgId }, { filter, fields: null });
      (await stream.subscribe(reader, since, lens)).start((error) => failures.push(error));
    });
    const feeding = (async () => {
      await store(db, orgId, STORED + 1, STORED + LIVE, say);
      for (let i = 0; i < LIVE; i++) {
        receive();
        // Who is live gets it in the same turn, however many catch up.
        seen.push(healthy.seqs.at(-1) ?? 0);
        await nextTurn();
      }
    })();
    await Promise.all([...subscribing, feeding]);
    const expected = clients.map(({ since, filter }) =>
      Array.from({ length: STORED + LIVE - since }, (_, i) => since + 1 + i).filter((seq) => !filter || seq % 10 === 0),
    );
    const isDone = () => clients.every(({ reader }, i) => reader.seqs.length >= (expected[i]?.length ?? 0));
    while (!isDone() && failures.length === 0) await nextTurn();
    expect(failures).toEqual([]);
    expect(clients.map(({ reader }) => reader.seqs)).toEqual(expected);
    expect(seen).toEqual(Array.from({ length: LIVE }, (_, i) => STORED + 1 + i));
    // Three pages; the last one again for each end at which it was asked for while it grew.
    expect(transactions - before).toBeLessThan(3 + LIVE);
    registry.stop();
  }, 120_000);
});
