import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  AppError,
  canonicalJson,
  type DecisionsRecorded,
  decisionViewOf,
  GENESIS_HASH,
  plainDecimal,
} from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import type { GroupConsumer } from '@governsai/kafka';
import { createTestKafka, type TestKafka } from '@governsai/kafka/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { HoldDesk } from '../holds/desk.ts';
import { checkBudgets } from '../store/check.ts';
import { Definitions } from '../store/definitions.ts';
import { addBudget, addOrg } from '../testing-database.ts';
import { decisionsRecordedConsumer } from './decisions-recorded.ts';

/** Decisions in all; `make budgets-soak` replays 100,000. */
const DECISIONS = Number(process.env.REPLAY_DECISIONS ?? 2400);
/** How often one tracker comes and another goes. */
const HANDOVERS = Math.min(20, Math.max(3, Math.floor(DECISIONS / 5000)));
const ORGS = ['replay-a', 'replay-b', 'replay-c', 'replay-d'];
const EACH = Math.floor(DECISIONS / ORGS.length);
const HALF = Math.floor(EACH / 2);
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const HASH = 'a'.repeat(64);

jest.setTimeout(60_000 + DECISIONS * 20);

const log = createLogger('budget-tracker', 'silent');
let postgres: TestDatabase;
let broker: TestKafka;
let admin: Database;
let db: Database;
let trackers: GroupConsumer[] = [];

beforeAll(async () => {
  [postgres, broker] = await Promise.all([createTestDatabase(), createTestKafka({ partitions: 3 })]);
  admin = createDatabase({ url: postgres.adminUrl, poolSize: 3, applicationName: 'test', queryTimeoutMs: 300_000 });
  db = createDatabase({ url: postgres.appUrl, poolSize: 8, applicationName: 'budget-tracker' });
});

afterAll(async () => {
  // Those that a failure has left: they would go on without what they need.
  await Promise.all(trackers.map((tracker) => tracker.stop()));
  await db?.close();
  await admin?.close();
  await broker?.drop();
  await postgres?.drop();
});

const one = <T>(items: readonly T[]): T => items[randomInt(items.length)] as T;
const maybe = <T>(value: T): T | undefined => (randomInt(3) === 0 ? undefined : value);

/** A decision as the writer stores and publishes it. */
interface Stored {
  event: DecisionsRecorded;
  record: string;
  person: { userId?: string; keyUserId?: string };
}

function randomDecision(orgId: string, seq: number, holds: string[]): Stored {
  const received = Date.now() - randomInt(40 * DAY);
  // On time, late within bounds and beyond them, in the future; also just at the bounds.
  const off = one([
    0,
    -randomInt(1000),
    -randomInt(3 * HOUR),
    -randomInt(40 * DAY),
    -35 * DAY,
    -35 * DAY - 1,
    1,
    randomInt(DAY),
  ]);
  const cost = maybe(plainDecimal(Number((Math.random() * 3).toFixed(one([0, 2, 9, 12])))));
  const holdId = randomInt(10) === 0 ? holds.pop() : undefined;
  const usage = {
    cost,
    currency: cost === undefined ? undefined : one(['USD', 'USD', 'EUR', undefined]),
    model: one(['m-1', 'm-2', 'm-3', undefined]),
    provider: one(['p-1', undefined]),
    inputTokens: maybe(randomInt(5000)),
    outputTokens: maybe(randomInt(500)),
    holdId,
  };
  const person = one([{ userId: 'u1' }, { userId: 'u2', keyUserId: 'u1' }, { keyUserId: 'u1' }, {}]);
  const receivedAt = new Date(received).toISOString();
  const record = {
    v: 1 as const,
    orgId,
    seq,
    id: `dec_${(ORGS.indexOf(orgId) + 1).toString(16).padStart(8, '0')}${seq.toString(16).padStart(24, '0')}`,
    idempotencyKey: `k-${seq}`,
    direction: one(['precheck', 'postcheck'] as const),
    decision: one(['allow', 'deny', 'redact'] as const),
    tool: one(['web.fetch', 'web.post', 'mail', undefined]),
    correlationId: maybe(`c-${seq}`),
    tags: one([[], ['x'], ['x', 'y'], ['y', 'y']]),
    usage: randomInt(8) === 0 && !holdId ? undefined : usage,
    keyId: one(['key-1', 'key-2', undefined]),
    ts: new Date(received + off).toISOString(),
    receivedAt,
    recordedAt: receivedAt,
    prevHash: GENESIS_HASH,
  };
  const said = JSON.parse(JSON.stringify(record)) as typeof record;
  return {
    event: {
      seq,
      decision: decisionViewOf(said as never, HASH),
      userId: ('userId' in person ? person.userId : person.keyUserId) ?? null,
      keyId: record.keyId ?? null,
      usage: said.usage ?? null,
      receivedAt,
      recordedAt: receivedAt,
    },
    record: canonicalJson(said),
    person,
  };
}

async function storeAll(stored: readonly Stored[]): Promise<void> {
  for (let from = 0; from < stored.length; from += 1000) {
    const part = stored.slice(from, from + 1000);
    await admin.system.execute(
      `INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, ts, recorded_at, record, prev_hash, hash, person)
       SELECT org_id, seq, id, '', 'postcheck', 'allow', now(), now(), record, '', $6, person
       FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[]) AS d(org_id, seq, id, record, person)`,
      [
        part.map(({ event }) => event.decision.orgId),
        part.map(({ event }) => event.seq),
        part.map(({ event }) => event.decision.id),
        part.map(({ record }) => record),
        part.map(({ person }) => JSON.stringify(person)),
        HASH,
      ],
    );
  }
  for (const orgId of new Set(stored.map(({ event }) => event.decision.orgId))) {
    const last = Math.max(
      ...stored.filter(({ event }) => event.decision.orgId === orgId).map(({ event }) => event.seq),
    );
    await admin.system.execute('UPDATE org_chains SET last_seq = $2 WHERE org_id = $1', [orgId, last]);
  }
}

/**
 * What Kafka may have of an org: in order, but pieces come again, and one of two writers may be late, so that a later piece goes
 * before an earlier one, or an earlier one never comes.
 */
function asPublished(events: readonly DecisionsRecorded[]): DecisionsRecorded[] {
  const pieces: DecisionsRecorded[][] = [];
  for (let at = 0; at < events.length; ) {
    const size = 1 + randomInt(60);
    pieces.push(events.slice(at, at + size));
    at += size;
  }
  return pieces.flatMap((piece, index) => {
    const before = pieces[index - 1] ?? [];
    const isLast = index === pieces.length - 1;
    switch (randomInt(8)) {
      case 0:
        return [...piece, ...piece];
      case 1:
        return [...before.slice(-randomInt(20) - 1), ...piece];
      case 2:
        return isLast ? piece : [];
      case 3:
        return [...piece.slice(-5), ...piece];
      default:
        return piece;
    }
  });
}

async function addBudgets(orgId: string): Promise<string[]> {
  const budgets = [
    { limit: '1000' },
    { limit: '300', period: 'month' as const, timeZone: 'America/New_York', scope: { userId: 'u1' } },
    { limit: '50', period: 'day' as const, timeZone: 'Europe/Berlin', scope: { tool: 'web.fetch' } },
    { limit: '70', period: 'week' as const, timeZone: 'Asia/Kathmandu', scope: { tag: 'x' }, carryOver: true },
    { limit: '9', period: 'hour' as const, scope: { keyId: 'key-1' }, hard: true },
    { limit: '500', currency: 'EUR', period: 'day' as const, timeZone: 'Australia/Lord_Howe' },
    { limit: '1000000', unit: 'tokens' as const, period: 'month' as const },
    { limit: '1000', unit: 'calls' as const, scope: { tag: 'y', userId: 'u2' } },
    { limit: '100', scope: { when: 'tool.glob("web.*") && usage.cost > 0.5' } },
  ];
  const ids: string[] = [];
  for (const budget of budgets) ids.push(await addBudget(admin, orgId, { ...budget, thresholds: [10, 50, 100] }));
  return ids;
}

/** Settled holds of an org; decisions will name most of them. */
async function settledHolds(orgId: string): Promise<string[]> {
  const desk = new HoldDesk({ db, definitions: new Definitions(), onOutage: 'closed', log, wake: () => {} });
  const ids: string[] = [];
  for (let n = 0; n < Math.min(100, EACH / 20); n++) {
    const principal = { kind: 'apiKey' as const, orgId, userId: 'u1', keyId: 'key-2', scopes: [], expiresAt: null };
    const hold = {
      idempotencyKey: `h-${n}`,
      amount: '2',
      tokens: 50,
      tool: one(['web.fetch', 'mail']),
      tags: ['x'],
      ttlSeconds: 600,
    };
    const { holdId } = await desk.ask({ principal, hold });
    if (holdId === null) continue;
    await desk.settle(orgId, holdId, {
      amount: plainDecimal(Number((Math.random() * 2).toFixed(12))),
      tokens: randomInt(50),
    });
    ids.push(holdId);
  }
  return ids;
}

/**
 * The sums again, from the decisions as they are stored, by other means: PostgreSQL's own JSON, calendar and arithmetic. A hold
 * counts while no decision says what was used under it.
 */
const RECOMPUTED = `
  WITH d AS (
    SELECT org_id, seq, id, r, r->'usage' AS u, coalesce(person->>'userId', person->>'keyUserId') AS user_id,
      CASE WHEN ts <= received AND ts >= received - interval '35 days' THEN ts ELSE received END AS at
    FROM (
      SELECT org_id, seq, id, record::jsonb AS r, person, (record::jsonb->>'ts')::timestamptz AS ts,
        (record::jsonb->>'receivedAt')::timestamptz AS received FROM decisions
    ) raw
  ), p AS (
    SELECT d.*, coalesce((u->>'inputTokens')::numeric, 0) AS input, coalesce((u->>'outputTokens')::numeric, 0) AS output,
      (SELECT m.id FROM model_prices m
       WHERE m.org_id = d.org_id AND m.model = u->>'model' AND m.provider IN ('', coalesce(u->>'provider', ''))
         AND m.effective_from <= at AND (m.effective_to IS NULL OR at < m.effective_to)
       ORDER BY m.provider = '', m.effective_from DESC, m.id DESC LIMIT 1) AS price_id
    FROM d
  ), priced AS (
    SELECT p.*, CASE WHEN u->>'cost' IS NULL THEN m.currency ELSE u->>'currency' END AS currency,
      coalesce((u->>'cost')::numeric, input * m.input_price + output * m.output_price) AS cost
    FROM p LEFT JOIN model_prices m ON m.id = p.price_id
  ), versions AS (
    SELECT budget_id, scope, from_seq, until_seq FROM budget_versions
    UNION ALL
    SELECT id, scope, version_seq, archived_seq FROM budgets
  ), used AS (
    SELECT b.id AS budget_id,
      CASE WHEN b.period <> 'total' THEN
        CASE WHEN b.period = 'hour' THEN date_trunc('hour', x.at, 'UTC')
          ELSE date_trunc(b.period, x.at AT TIME ZONE b.time_zone) AT TIME ZONE b.time_zone END END AS period_start,
      CASE b.unit WHEN 'calls' THEN 1 WHEN 'tokens' THEN input + output
        ELSE CASE WHEN x.currency IS NULL OR x.currency = b.currency THEN coalesce(cost, 0) ELSE 0 END END AS amount
    FROM priced x
    JOIN budgets b ON b.org_id = x.org_id AND x.seq >= b.from_seq
    JOIN versions v ON v.budget_id = b.id AND x.seq >= v.from_seq AND (v.until_seq IS NULL OR x.seq <= v.until_seq)
    WHERE (NOT v.scope ? 'userId' OR v.scope->>'userId' = x.user_id)
      AND (NOT v.scope ? 'keyId' OR v.scope->>'keyId' = r->>'keyId')
      AND (NOT v.scope ? 'tool' OR v.scope->>'tool' = r->>'tool')
      AND (NOT v.scope ? 'tag' OR r->'tags' ? (v.scope->>'tag'))
      AND (NOT v.scope ? 'when' OR (r->>'tool' LIKE 'web.%' AND cost > 0.5))
    UNION ALL
    SELECT line.budget_id, nullif(line.period, 'epoch'), line.booked
    FROM holds h CROSS JOIN LATERAL unnest(h.budget_ids, h.booked, h.booked_periods) AS line(budget_id, booked, period)
    WHERE h.status = 'settled' AND h.decision_id IS NULL
  )
  SELECT budget_id, period_start, trim_scale(sum(amount)) AS amount FROM used GROUP BY 1, 2 HAVING sum(amount) <> 0 ORDER BY 1, 2`;

const LEDGERS = `
  SELECT budget_id, period_start, trim_scale(sum(amount)) AS amount FROM budget_ledger GROUP BY 1, 2 HAVING sum(amount) <> 0 ORDER BY 1, 2`;

it(`G5: ${EACH * ORGS.length} decisions, repeated, out of order and handed between trackers: each ledger is what they recompute to`, async () => {
  const stored: Stored[] = [];
  for (const orgId of ORGS) {
    await addOrg(admin, orgId);
    for (const [model, provider, days, input] of [
      ['m-1', '', 400, '0.0000025'],
      ['m-1', 'p-1', 20, '0.000003'],
      ['m-2', '', 60, '0.000000000001'],
      ['m-2', '', 10, '0.00001'],
    ]) {
      await admin.system.execute(
        `INSERT INTO model_prices (org_id, provider, model, currency, input_price, output_price, effective_from)
         VALUES ($1, $2, $3, 'USD', $4, 0.00000123, now() - make_interval(days => $5))`,
        [orgId, provider, model, input, days],
      );
    }
    await addBudgets(orgId);
    const holds = await settledHolds(orgId);
    stored.push(...Array.from({ length: EACH }, (_, index) => randomDecision(orgId, index + 1, holds)));
  }
  const firstHalf = stored.filter(({ event }) => event.seq <= HALF);
  await storeAll(firstHalf);

  const producer = broker.kafka.producer();
  // As the writer does: what was not confirmed is written again, whatever of it has arrived.
  const send = async (values: readonly DecisionsRecorded[]): Promise<void> => {
    for (;;) {
      try {
        await producer.sendAll(
          'decisions.recorded',
          values.map((value) => ({ key: value.decision.orgId, value })),
        );
        return;
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
      }
    }
  };
  const publish = async (part: readonly Stored[]) => {
    const queues = ORGS.map((orgId) =>
      asPublished(part.flatMap(({ event }) => (event.decision.orgId === orgId ? event : []))),
    );
    for (let more = true; more; ) {
      more = false;
      const values = queues.flatMap((queue) => queue.splice(0, 1 + randomInt(200)));
      if (values.length > 0) {
        more = true;
        await send(values);
      }
    }
  };
  const group = `replay-${Date.now()}`;
  const join = async (): Promise<GroupConsumer> => {
    const handler = decisionsRecordedConsumer({ db, log, wake: () => {}, definitions: new Definitions() });
    const consumer = broker.kafka.consumeGroup({
      topic: 'decisions.recorded',
      groupId: group,
      maxBatch: 500,
      maxBackoffMs: 200,
      async handler(batch) {
        await handler(batch);
        // A tracker that dies here has booked, and has not told Kafka so.
        if (randomInt(10) === 0) throw new Error('the tracker dies before it commits its offset');
      },
    });
    await consumer.start();
    return consumer;
  };

  trackers = [await join()];
  await publish(firstHalf);
  // A change counts for what is stored from now on, however far behind the trackers are.
  for (const orgId of ORGS) await changeBudgets(orgId);
  await storeAll(stored.slice().filter(({ event }) => event.seq > HALF));
  const publishing = publish(stored.filter(({ event }) => event.seq > HALF));
  for (let turn = 0; turn < HANDOVERS; turn++) {
    trackers.push(await join());
    await pause(500);
    await trackers.shift()?.stop();
  }
  trackers.push(await join());
  await publishing;
  const isDone = async () => {
    const cursors = await admin.system.query<{ seq: number }>('SELECT seq FROM tracker_cursors ORDER BY org_id');
    return cursors.length === ORGS.length && cursors.every(({ seq }) => seq === EACH);
  };
  for (const end = Date.now() + 40_000 + DECISIONS * 10; !(await isDone()) && Date.now() < end; ) await pause(100);
  expect(await isDone()).toBe(true);
  await Promise.all(trackers.splice(0).map((tracker) => tracker.stop()));
  await producer.close();

  expect(await admin.system.query('SELECT * FROM tracker_skipped')).toEqual([]);
  const ledgers = await admin.system.query<{ amount: string }>(LEDGERS);
  expect(ledgers.length).toBeGreaterThan(ORGS.length * 20);
  expect(ledgers).toEqual(await admin.system.query(RECOMPUTED));
  expect(await checkBudgets(db)).toEqual([]);
  const rollups = await admin.system.query<{ org_id: string; calls: number; input: number }>(
    'SELECT org_id, sum(calls)::bigint AS calls, sum(input_tokens)::bigint AS input FROM usage_rollups GROUP BY 1 ORDER BY 1',
  );
  expect(rollups).toEqual(
    ORGS.map((org_id) => {
      const own = stored.filter(({ event }) => event.decision.orgId === org_id);
      return { org_id, calls: EACH, input: own.reduce((sum, { event }) => sum + (event.usage?.inputTokens ?? 0), 0) };
    }),
  );
  const repeated = await admin.system.query(
    `SELECT data->>'budgetId', data->>'threshold', data->>'periodStart', user_id FROM notifications
     WHERE kind = 'budget.threshold' GROUP BY 1, 2, 3, 4 HAVING count(*) > 1`,
  );
  expect(repeated).toEqual([]);
});

/** Changes the scope of one budget of an org and archives another, as of the last stored decision. */
async function changeBudgets(orgId: string): Promise<void> {
  const [changed, archived] = await admin.system.query<{ id: string }>(
    `SELECT id FROM budgets WHERE org_id = $1 AND (scope->>'tag' = 'x' OR unit = 'tokens') ORDER BY id`,
    [orgId],
  );
  for (const { id } of [changed, archived].flatMap((row) => row ?? [])) {
    await admin.system.execute(
      `INSERT INTO budget_versions (budget_id, version, org_id, name, limit_amount, hard, scope, thresholds, carry_over, forecast,
         starts_at, ends_at, from_seq, until_seq, created_at, superseded_at)
       SELECT id, version, org_id, name, limit_amount, hard, scope, thresholds, carry_over, forecast, starts_at, ends_at, version_seq,
         $2, updated_at, now() FROM budgets WHERE id = $1`,
      [id, HALF],
    );
  }
  const next = HALF + 1;
  await admin.system.execute(`UPDATE budgets SET version = 2, version_seq = $2, scope = '{"tag": "y"}' WHERE id = $1`, [
    changed?.id,
    next,
  ]);
  await admin.system.execute(
    'UPDATE budgets SET version = 2, version_seq = $2, archived_at = now(), archived_seq = $3 WHERE id = $1',
    [archived?.id, next, HALF],
  );
}
