import {
  type BudgetsChanged,
  budgetsChanged,
  canonicalJson,
  type DecisionsRecorded,
  GENESIS_HASH,
  notificationsRaised,
} from '@governsai/contracts';
import { createDatabase, type Database, OutboxStore } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { type ConsumedBatch, type GroupConsumer, OutboxRelay, type Producer } from '@governsai/kafka';
import { createTestKafka, type TestKafka } from '@governsai/kafka/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OUTBOX } from '../outbox.ts';
import { Definitions } from '../store/definitions.ts';
import { sampleEvent } from '../testing.ts';
import { decisionsRecordedConsumer } from './decisions-recorded.ts';

type Handler = (batch: ConsumedBatch<'decisions.recorded'>) => Promise<void>;

const log = createLogger('budget-tracker', 'silent');
let postgres: TestDatabase;
let broker: TestKafka;
let admin: Database;
let db: Database;
let producer: Producer;
let relay: OutboxRelay;

beforeAll(async () => {
  [postgres, broker] = await Promise.all([createTestDatabase(), createTestKafka({ partitions: 1 })]);
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 2, applicationName: 'test' });
  db = createDatabase({ url: postgres.appUrl, poolSize: 4, applicationName: 'budget-tracker' });
  producer = broker.kafka.producer();
  relay = new OutboxRelay({ store: new OutboxStore(db), producer, service: OUTBOX, log, pollMs: 50 });
  relay.start();
});

afterAll(async () => {
  await relay?.stop();
  await producer?.close();
  await db?.close();
  await admin?.close();
  await broker?.drop();
  await postgres?.drop();
});

/** An org with one budget of 100 USD. Of its three members the owner and the admin are told. */
async function newOrg(orgId: string, length: number): Promise<string> {
  const sql = admin.system;
  await sql.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [orgId]);
  for (const [user, role] of [
    ['owner', 'owner'],
    ['admin', 'admin'],
    ['viewer', 'viewer'],
  ]) {
    const id = `${orgId}-${user}`;
    await sql.execute('INSERT INTO users (id, email, name) VALUES ($1, $1, $1)', [id]);
    await sql.execute('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [orgId, id, role]);
  }
  await sql.execute('INSERT INTO org_chains (org_id, last_seq, published_seq) VALUES ($1, $2, $2)', [orgId, length]);
  const budgetId = `bud_${orgId}`;
  await sql.execute(
    `INSERT INTO budgets (id, org_id, name, limit_amount, unit, currency, period, hard)
     VALUES ($1, $2, 'All', 100, 'currency', 'USD', 'total', false)`,
    [budgetId, orgId],
  );
  return budgetId;
}

/** Runs the consumer in a group of its own until `done` says so. */
async function consumeUntil(handler: Handler, done: () => Promise<boolean>): Promise<void> {
  const groupId = `tracker-${Math.random().toString(36).slice(2)}`;
  const consumer: GroupConsumer = broker.kafka.consumeGroup({
    topic: 'decisions.recorded',
    groupId,
    handler,
    maxBackoffMs: 100,
  });
  await consumer.start();
  try {
    await until(done);
  } finally {
    await consumer.stop();
  }
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 40_000; Date.now() < end; ) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('what was waited for did not happen within 40 s');
}

const counting = (database = db): Handler =>
  decisionsRecordedConsumer({ db: database, log, wake: () => relay.wake(), definitions: new Definitions() });

async function cursorOf(orgId: string): Promise<number> {
  const [row] = await admin.system.query<{ seq: number }>('SELECT seq FROM tracker_cursors WHERE org_id = $1', [orgId]);
  return row?.seq ?? 0;
}

async function booksOf(budgetId: string) {
  const [row] = await admin.system.query<{ lines: number; total: string; committed: string; version: number }>(
    `SELECT count(l.id) AS lines, trim_scale(COALESCE(sum(l.amount), 0)) AS total, trim_scale(s.committed) AS committed, s.version
     FROM budget_states s LEFT JOIN budget_ledger l ON l.budget_id = s.budget_id
     WHERE s.budget_id = $1 GROUP BY s.budget_id`,
    [budgetId],
  );
  return row;
}

async function callsOf(orgId: string): Promise<{ calls: number; cost: string }> {
  const [row] = await admin.system.query<{ calls: number; cost: string }>(
    'SELECT sum(calls)::bigint AS calls, trim_scale(sum(cost)) AS cost FROM usage_rollups WHERE org_id = $1',
    [orgId],
  );
  return row ?? { calls: 0, cost: '0' };
}

async function skippedOf(orgId: string): Promise<number[]> {
  const rows = await admin.system.query<{ seq: number }>('SELECT seq FROM tracker_skipped WHERE org_id = $1', [orgId]);
  return rows.map(({ seq }) => seq);
}

async function produce(...events: DecisionsRecorded[]): Promise<void> {
  await producer.sendAll(
    'decisions.recorded',
    events.map((value) => ({ key: value.decision.orgId, value })),
  );
}

/** Stores a decision as the writer does, without an event. */
async function store({ seq, decision, usage, ...event }: DecisionsRecorded): Promise<void> {
  const record = {
    v: 1,
    orgId: decision.orgId,
    seq,
    id: decision.id,
    idempotencyKey: `key-${seq}`,
    bodyHash: 'b'.repeat(64),
    direction: decision.direction,
    decision: decision.decision,
    usage,
    ts: event.receivedAt,
    receivedAt: event.receivedAt,
    recordedAt: event.recordedAt,
    prevHash: GENESIS_HASH,
  };
  await admin.system.execute(
    `INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, ts, recorded_at, record, prev_hash, hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10)`,
    [
      decision.orgId,
      seq,
      decision.id,
      record.bodyHash,
      record.direction,
      record.decision,
      record.ts,
      canonicalJson(record),
      GENESIS_HASH,
      decision.hash,
    ],
  );
}

async function told(budgetId: string): Promise<BudgetsChanged[]> {
  const messages = await broker.readAll('budgets.changed');
  return messages
    .map(({ value }) => budgetsChanged.parse(JSON.parse(value.toString())))
    .filter((value) => value.budgetId === budgetId);
}

describe('counting recorded decisions', () => {
  it('G5: books each decision once, however often it comes, and tells the sum', async () => {
    const budgetId = await newOrg('repeats', 4);
    const [one, two, three, four] = ['0.1', '0.2', '10', '1.000000000001'].map((cost, index) =>
      sampleEvent('repeats', index + 1, cost),
    );
    await produce(one!, one!, two!, one!, two!, three!);
    await produce(three!, two!, four!, four!);
    await consumeUntil(counting(), async () => (await cursorOf('repeats')) === 4);
    expect(await booksOf(budgetId)).toMatchObject({ lines: 4, total: '11.300000000001', committed: '11.300000000001' });
    expect(await callsOf('repeats')).toEqual({ calls: 4, cost: '11.300000000001' });

    // A second group reads the whole topic again: everything is known.
    await produce(sampleEvent('repeats', 4, '1.000000000001'));
    let handled = 0;
    const again = counting();
    await consumeUntil(
      async (batch) => {
        await again(batch);
        handled += batch.messages.length;
      },
      async () => handled >= 11,
    );
    expect(await booksOf(budgetId)).toMatchObject({ lines: 4, committed: '11.300000000001' });
    expect((await callsOf('repeats')).calls).toBe(4);

    await until(async () => (await told(budgetId)).at(-1)?.used === '11.300000000001');
    const events = await told(budgetId);
    expect(events.at(-1)).toMatchObject({
      orgId: 'repeats',
      limit: '100',
      used: '11.300000000001',
      held: '0',
      remaining: '88.699999999999',
      percentUsed: 11.3,
      unit: 'currency',
      currency: 'USD',
      period: 'total',
    });
    expect(events.map(({ version }) => version)).toEqual([...new Set(events.map(({ version }) => version))]);
  });

  it('G5: fills holes from the table, before and between what arrives', async () => {
    const budgetId = await newOrg('holes', 6);
    const events = [1, 2, 3, 4, 5, 6].map((seq) => sampleEvent('holes', seq, `${seq}.5`));
    for (const event of events) await store(event);
    await produce(events[2]!, events[5]!);
    await consumeUntil(counting(), async () => (await cursorOf('holes')) === 6);
    expect(await booksOf(budgetId)).toMatchObject({ lines: 6, total: '24', committed: '24' });
    expect(await callsOf('holes')).toEqual({ calls: 6, cost: '24' });
    expect(await skippedOf('holes')).toEqual([]);
  });

  it('G5: counts once when it dies before the commit of its transaction, and before the commit of its offset', async () => {
    const budgetId = await newOrg('crashes', 2);
    await produce(sampleEvent('crashes', 1, '3'), sampleEvent('crashes', 2, '4'));
    let transactions = 0;
    const dying: Database = {
      ...db,
      transaction: (orgIds, work) =>
        db.transaction(orgIds, async (tx) => {
          const result = await work(tx);
          transactions += 1;
          if (transactions === 1) throw new Error('the process dies here');
          return result;
        }),
    };
    let batches = 0;
    const handler = counting(dying);
    await consumeUntil(
      async (batch) => {
        await handler(batch);
        batches += 1;
        if (batches === 1) throw new Error('the process dies here too');
      },
      async () => batches >= 2,
    );
    expect(transactions).toBeGreaterThan(2);
    expect(await booksOf(budgetId)).toMatchObject({ lines: 2, total: '7', committed: '7', version: 1 });
    expect((await callsOf('crashes')).calls).toBe(2);
  });

  it('G5: tells owners and admins of a threshold once', async () => {
    await newOrg('alerts', 3);
    await produce(sampleEvent('alerts', 1, '49'), sampleEvent('alerts', 2, '32'));
    await consumeUntil(counting(), async () => (await cursorOf('alerts')) === 2);
    await produce(sampleEvent('alerts', 2, '32'), sampleEvent('alerts', 3, '1'));
    await consumeUntil(counting(), async () => (await cursorOf('alerts')) === 3);
    const rows = await admin.system.query<{ user_id: string; seq: number; title: string; severity: string }>(
      'SELECT user_id, seq, title, severity FROM notifications WHERE org_id = $1 ORDER BY user_id, seq',
      ['alerts'],
    );
    expect(rows).toEqual(
      ['alerts-admin', 'alerts-owner'].flatMap((user_id) => [
        { user_id, seq: 1, title: 'Budget "All" has reached 50%', severity: 'info' },
        { user_id, seq: 2, title: 'Budget "All" has reached 80%', severity: 'warning' },
      ]),
    );
    const raised = async () =>
      (await broker.readAll('notifications.raised')).map(({ value }) =>
        notificationsRaised.parse(JSON.parse(value.toString())),
      );
    await until(async () => (await raised()).length === 4);
    expect((await raised()).filter(({ userId }) => userId === 'alerts-owner')).toMatchObject([
      { seq: 1, notification: { kind: 'budget.threshold', threshold: 50, budgetId: 'bud_alerts' } },
      { seq: 2, notification: { kind: 'budget.threshold', threshold: 80 } },
    ]);
  });

  it('G10: gives up what the database refuses, notes it as skipped, counts the rest, and counts it when it comes again', async () => {
    const budgetId = await newOrg('poison', 4);
    const most = '99999999999999999999999999';
    const events = ['1', most, '2', '3'].map((cost, index) => sampleEvent('poison', index + 1, cost));
    await produce(...events);
    await consumeUntil(counting(), async () => (await cursorOf('poison')) === 4);
    expect(await skippedOf('poison')).toEqual([2]);
    expect(await booksOf(budgetId)).toMatchObject({ lines: 3, total: '6', committed: '6' });
    const dead = await broker.readAll('decisions.recorded.dead');
    expect(dead.map(({ value }) => JSON.parse(value.toString())).filter((value) => value.seq === 2)).toHaveLength(1);

    // The cause is mended: there is room again.
    await admin.system.execute('UPDATE budget_states SET committed = 0 WHERE budget_id = $1', [budgetId]);
    for (const table of ['usage_rollups', 'usage_tag_rollups']) {
      await admin.system.execute(`UPDATE ${table} SET cost = 0 WHERE org_id = $1`, ['poison']);
    }
    await produce(events[1]!);
    await consumeUntil(counting(), async () => (await skippedOf('poison')).length === 0);
    expect(await booksOf(budgetId)).toMatchObject({ lines: 4, committed: most });
  });

  it('G10: gives up an event beyond the end of its chain, and does not lose what comes after', async () => {
    const budgetId = await newOrg('foreign', 2);
    await produce(
      sampleEvent('foreign', 1, '1'),
      sampleEvent('foreign', 4_000_000, '1'),
      sampleEvent('foreign', 2, '1'),
    );
    await consumeUntil(counting(), async () => (await cursorOf('foreign')) === 2);
    expect(await booksOf(budgetId)).toMatchObject({ lines: 2, committed: '2' });
    const dead = await broker.readAll('decisions.recorded.dead');
    expect(dead.map(({ value }) => JSON.parse(value.toString()).seq)).toContain(4_000_000);
  });

  it('G10: catches up with a long absence in steps, past rows that cannot be read', async () => {
    const budgetId = await newOrg('behind', 4_500);
    await admin.system.execute(
      `INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, ts, recorded_at, record, prev_hash, hash)
       SELECT 'behind', n, 'dec_' || lpad(to_hex(n), 32, '0'), repeat('b', 64), 'postcheck', 'allow', now(), now(),
         CASE WHEN n = 77 THEN 'no record' ELSE json_build_object('v', 1, 'orgId', 'behind', 'seq', n,
           'id', 'dec_' || lpad(to_hex(n), 32, '0'), 'idempotencyKey', 'k', 'bodyHash', repeat('b', 64),
           'direction', 'postcheck', 'decision', 'allow', 'usage', json_build_object('cost', '0.01'),
           'ts', '2026-03-04T05:06:07.000Z', 'receivedAt', '2026-03-04T05:06:07.000Z',
           'recordedAt', '2026-03-04T05:06:07.000Z', 'prevHash', repeat('0', 64))::text END,
         repeat('0', 64), repeat('a', 64)
       FROM generate_series(1, 4499) AS n`,
    );
    await produce(sampleEvent('behind', 4_500, '0.01'));
    await consumeUntil(counting(), async () => (await cursorOf('behind')) === 4_500);
    expect(await booksOf(budgetId)).toMatchObject({ lines: 4_499, total: '44.99', committed: '44.99' });
    expect(await skippedOf('behind')).toEqual([77]);
  });
});
