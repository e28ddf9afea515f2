import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { canonicalJson, type DecisionsRecorded, type DecisionsSubmitted, GENESIS_HASH } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import type { GroupConsumer, Producer } from '@governsai/kafka';
import { createTestKafka, type TestKafka } from '@governsai/kafka/testing';
import { createLogger, Periodic, register } from '@governsai/service';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { decisionsSubmittedConsumer } from './consumers/decisions-submitted.ts';
import { PolicyCache } from './policies/cache.ts';
import { PublishedMarks, SAVE_MARKS_MS } from './published-marks.ts';
import { Publisher } from './publisher.ts';
import { readDecisions } from './reading.ts';
import { type RecordedOrg, Recorder } from './recorder.ts';
import { publishLeftBehind } from './sweep.ts';

const ORGS = ['acme', 'globex', 'initech'];
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let database: TestDatabase;
let kafka: TestKafka;
let admin: Database;
let db: Database;
let producer: Producer;
let consumer: GroupConsumer;
/** Of all the test's writers: how far they have published, saved as often as in app.ts. */
let marks: PublishedMarks;
let saving: Periodic;
let group = 0;
/** The ids that the writer at hand was given, repeats included. */
let handled: string[] = [];

beforeAll(async () => {
  [database, kafka] = await Promise.all([createTestDatabase(), createTestKafka()]);
  admin = createDatabase({ url: database.adminUrl, poolSize: 2, applicationName: 'test' });
  db = createDatabase({ url: database.appUrl, poolSize: 5, applicationName: 'test' });
  for (const org of ORGS) await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]);
  producer = kafka.kafka.producer();
  marks = new PublishedMarks(db);
  const log = createLogger('test', 'silent');
  saving = new Periodic({ name: 'published marks', intervalMs: SAVE_MARKS_MS, log, run: () => marks.save() });
  saving.start();
});

afterEach(async () => {
  await consumer?.stop();
});

afterAll(async () => {
  await saving?.stop();
  await producer?.close();
  await Promise.all([admin?.close(), db?.close()]);
  await Promise.all([kafka?.drop(), database?.drop()]);
});

// Metrics are one a process, and each test's writer has its own: those of the one before are forgotten.
function newRecorder(): Recorder {
  register.clear();
  return new Recorder(db, new PolicyCache(createLogger('test', 'silent')), () => {});
}

/** The writer as app.ts wires it, in a group of its own: it meets everything submitted before once more, with parts to put in place of its own. */
async function startWriter(parts: { publisher?: Publisher; sessionTimeoutMs?: number } = {}): Promise<void> {
  const record = decisionsSubmittedConsumer({
    recorder: newRecorder(),
    publisher: parts.publisher ?? new Publisher(db, producer, marks),
    producer,
  });
  handled = [];
  consumer = kafka.kafka.consumeGroup({
    topic: 'decisions.submitted',
    groupId: `${kafka.topicPrefix}writer-${group++}`,
    maxBatch: 100,
    maxBackoffMs: 200,
    ...(parts.sessionTimeoutMs && { sessionTimeoutMs: parts.sessionTimeoutMs }),
    handler: (batch) => {
      handled.push(...batch.messages.map(({ value }) => value.decisionId));
      return record(batch);
    },
  });
  await consumer.start();
}

let nextKey = 0;
function submission(orgId: string, change: Partial<DecisionsSubmitted> = {}): DecisionsSubmitted {
  const idempotencyKey = `key-${nextKey++}`;
  return {
    orgId,
    decisionId: `dec_${sha256(`${orgId}/${idempotencyKey}`).slice(0, 32)}`,
    idempotencyKey,
    bodyHash: sha256(idempotencyKey),
    schema: 'decision.v1',
    data: {
      direction: 'precheck',
      decision: 'allow',
      tool: 'web.fetch',
      tags: ['a "quoted" \\ tag', 'b,{c}'],
      userId: 'u1',
    },
    keyId: 'key-id',
    userId: null,
    receivedAt: new Date().toISOString(),
    ...change,
  } as DecisionsSubmitted;
}

const submit = (values: DecisionsSubmitted[]) =>
  producer.sendAll(
    'decisions.submitted',
    values.map((value) => ({ key: value.orgId, value })),
  );

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('did not come true within 20 s');
}

const storedIds = async (ids: string[]) =>
  (await admin.system.query<{ id: string }>('SELECT id FROM decisions WHERE id = ANY($1::text[])', [ids])).length;

const heads = () =>
  admin.system.query<{ org_id: string; last_seq: number; head_hash: string; published_seq: number }>(
    'SELECT org_id, last_seq, head_hash, published_seq FROM org_chains ORDER BY org_id',
  );

async function expectWholeChains(): Promise<void> {
  for (const head of await heads()) {
    const rows = await admin.system.query<{ seq: number; record: string; prev_hash: string; hash: string }>(
      'SELECT seq, record, prev_hash, hash FROM decisions WHERE org_id = $1 ORDER BY seq',
      [head.org_id],
    );
    let hash = GENESIS_HASH;
    rows.forEach((row, i) => {
      expect(row.seq).toBe(i + 1);
      expect(row.prev_hash).toBe(hash);
      expect(row.record).toBe(canonicalJson(JSON.parse(row.record)));
      hash = sha256(row.record);
      expect(row.hash).toBe(hash);
    });
    expect(head).toMatchObject({ last_seq: rows.length, head_hash: hash });
  }
}

/** The seqs of an org as a reader of `decisions.recorded` meets them, repeats left out. */
async function publishedSeqs(orgId: string): Promise<number[]> {
  const messages = (await kafka.readAll('decisions.recorded')).filter((message) => message.key === orgId);
  const seqs = messages.map((message) => (JSON.parse(message.value.toString()) as DecisionsRecorded).seq);
  return [...new Set(seqs)];
}

const deadLetters = async () =>
  (await kafka.readAll('decisions.submitted.dead')).map(
    (message) => JSON.parse(message.value.toString()) as DecisionsSubmitted,
  );

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('recording', () => {
  it('G3: stores each org gapless and chained, and publishes it in the order of seq', async () => {
    await startWriter();
    const values = upTo(300).map((i) => submission(ORGS[i % 3] as string));
    await submit(values);
    await until(async () => (await storedIds(values.map((v) => v.decisionId))) === 300);
    await until(async () => (await heads()).every((head) => head.published_seq === head.last_seq));
    await expectWholeChains();
    for (const head of await heads()) expect(await publishedSeqs(head.org_id)).toEqual(upTo(head.last_seq));
  });

  it('reads back what was stored, tags and all', async () => {
    await startWriter();
    const value = submission('acme');
    await submit([value]);
    await until(async () => (await storedIds([value.decisionId])) === 1);
    const [found] = await readDecisions(db, 'acme', 0, 10, { tag: 'a "quoted" \\ tag', tool: 'web.fetch' }).then(
      (all) => all.slice(-1),
    );
    expect(found).toMatchObject({ orgId: 'acme', tags: ['a "quoted" \\ tag', 'b,{c}'], userId: 'u1', keyId: 'key-id' });
  });

  it('G1: a crash between storing and publishing costs a repeat, never a hole', async () => {
    const real = new Publisher(db, producer, marks);
    let crashes = 2;
    const publisher = Object.assign(Object.create(real) as Publisher, {
      publish: (orgs: Parameters<Publisher['publish']>[0]) => {
        if (crashes-- > 0) throw new Error('crashed before publishing');
        return real.publish(orgs);
      },
    });
    await startWriter({ publisher });
    const values = upTo(20).map(() => submission('acme'));
    await submit(values);
    await until(async () => (await storedIds(values.map((v) => v.decisionId))) === 20);
    await until(async () => (await heads()).every((head) => head.published_seq === head.last_seq));
    await expectWholeChains();
    const acme = (await heads()).find((head) => head.org_id === 'acme');
    expect(await publishedSeqs('acme')).toEqual(upTo(acme?.last_seq ?? 0));
  });

  it('G2: stores one key once, keeps the first body and dead-letters another with its audit', async () => {
    await startWriter();
    const first = submission('acme');
    const conflict = { ...first, bodyHash: sha256('another') };
    await submit([first, first, conflict]);
    await until(async () => (await deadLetters()).some((dead) => dead.bodyHash === conflict.bodyHash));
    await submit([first]);
    const after = submission('acme');
    await submit([after]);
    await until(async () => (await storedIds([after.decisionId])) === 1);
    expect(await storedIds([first.decisionId])).toBe(1);
    const audits = (await kafka.readAll('audit.recorded')).map((message) => JSON.parse(message.value.toString()));
    expect(audits).toContainEqual(
      expect.objectContaining({ action: 'decision.idempotency_conflict', target: first.decisionId }),
    );
    await expectWholeChains();
  });

  it('G10: finds the one message the database refuses, dead-letters it and stores the rest', async () => {
    await startWriter();
    const good = upTo(30).map(() => submission('acme'));
    // The org does not exist: its chain head violates the foreign key.
    const bad = submission('nobody');
    // All into one partition, in one batch.
    await producer.sendAll('decisions.submitted', [
      ...good.slice(0, 15).map((value) => ({ key: 'acme', value })),
      { key: 'acme', value: bad },
      ...good.slice(15).map((value) => ({ key: 'acme', value })),
    ]);
    await until(async () => (await storedIds(good.map((v) => v.decisionId))) === 30);
    await until(async () => (await deadLetters()).some((dead) => dead.decisionId === bad.decisionId));
    await expectWholeChains();
  });

  it('a batch that waits for PostgreSQL longer than the session keeps its partition, and is handled once', async () => {
    await startWriter({ sessionTimeoutMs: 6_000 });
    const [before, slow, after] = [submission('acme'), submission('acme'), submission('acme')];
    await submit([before]);
    await until(async () => (await storedIds([before.decisionId])) === 1);
    // Published too: that moves the mark in the row that is locked now.
    await until(async () => (await heads()).every((head) => head.published_seq === head.last_seq));
    await admin.transaction(['acme'], async (tx) => {
      await tx.query(`SELECT 1 FROM org_chains WHERE org_id = 'acme' FOR UPDATE`);
      await submit([slow]);
      await until(async () => handled.includes(slow.decisionId));
      await pause(9_000);
      expect(await storedIds([slow.decisionId])).toBe(0);
    });
    await submit([after]);
    await until(async () => (await storedIds([slow.decisionId, after.decisionId])) === 2);
    for (const { decisionId } of [before, slow, after]) {
      expect(handled.filter((id) => id === decisionId)).toHaveLength(1);
    }
  });

  it('the sweep publishes what a writer left behind, for an org that no message brings back', async () => {
    const values = upTo(7).map(() => submission('initech'));
    await newRecorder().record(values.map((value) => ({ value })));
    await admin.system.execute(`UPDATE org_chains SET updated_at = now() - interval '1 minute'`);
    await publishLeftBehind(db, new Publisher(db, producer, marks));
    await marks.save();
    const initech = (await heads()).find((head) => head.org_id === 'initech');
    expect(initech?.published_seq).toBe(initech?.last_seq);
    expect(await publishedSeqs('initech')).toEqual(upTo(initech?.last_seq ?? 0));
  });

  it('publishes once what follows before the mark of it is saved; a crash then costs a repeat of it, and no hole', async () => {
    const unsaved = new PublishedMarks(db);
    const publisher = new Publisher(db, producer, unsaved);
    const recorder = newRecorder();
    const seqsOf = async () =>
      (await kafka.readAll('decisions.recorded'))
        .filter(({ key }) => key === 'globex')
        .map(({ value }) => (JSON.parse(value.toString()) as DecisionsRecorded).seq);
    const record = async (publish: (orgs: RecordedOrg[]) => Promise<void>) => {
      const outcome = await recorder.record(upTo(3).map(() => ({ value: submission('globex') })));
      await publish(outcome.orgs);
      return outcome.orgs[0]!;
    };
    const { publishedSeq: saved } = await record((orgs) => publisher.publish(orgs));
    const earlier = (await seqsOf()).length - 3;
    expect(await record((orgs) => publisher.publish(orgs))).toMatchObject({ publishedSeq: saved, lastSeq: saved + 6 });
    const six = upTo(6).map((n) => saved + n);
    expect((await seqsOf()).slice(earlier)).toEqual(six);
    // The writer dies here; another one takes over, and knows only what is saved.
    const { lastSeq } = await record((orgs) => new Publisher(db, producer, new PublishedMarks(db)).publish(orgs));
    expect((await seqsOf()).slice(earlier)).toEqual([...six, ...six, ...upTo(3).map((n) => saved + 6 + n)]);
    const mark = async () => (await heads()).find(({ org_id }) => org_id === 'globex')?.published_seq;
    await unsaved.save();
    expect(await mark()).toBe(saved + 6);
    // What is locked is left to the next time.
    unsaved.move('globex', saved + 6, lastSeq);
    await admin.transaction([], async (tx) => {
      await tx.query(`SELECT 1 FROM org_chains WHERE org_id = 'globex' FOR UPDATE`);
      await unsaved.save();
      expect(await mark()).toBe(saved + 6);
    });
    await unsaved.save();
    expect(await mark()).toBe(lastSeq);
    // It never goes back, nor over what its publisher had not seen.
    unsaved.move('globex', 0, saved);
    await unsaved.save();
    unsaved.move('globex', lastSeq + 1, lastSeq + 2);
    await unsaved.save();
    expect(await mark()).toBe(lastSeq);
  });

  it('G3: two writers that hold the same messages store each once', async () => {
    const values = upTo(200).map((i) => submission(ORGS[i % 3] as string));
    const items = values.map((value) => ({ value }));
    const chunks = (size: number) =>
      upTo(Math.ceil(items.length / size)).map((i) => items.slice((i - 1) * size, i * size));
    const recorder = newRecorder();
    const write = async (size: number) => {
      for (const chunk of chunks(size)) await recorder.record(chunk);
    };
    await Promise.all([write(17), write(40)]);
    expect(await storedIds(values.map((v) => v.decisionId))).toBe(200);
    await expectWholeChains();
  });

  it('stores events beside the chain, once, under the same keys', async () => {
    await startWriter();
    const event = submission('acme', {
      schema: 'toolcall.v1',
      data: { any: { thing: [1, null] } },
    } as Partial<DecisionsSubmitted>);
    await submit([event, event]);
    await until(
      async () => (await admin.system.query('SELECT 1 FROM events WHERE id = $1', [event.decisionId])).length === 1,
    );
    await expectWholeChains();
  });
});
