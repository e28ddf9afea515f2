import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DecisionsRecorded, type DecisionsSubmitted, GENESIS_HASH } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import type { Producer } from '@governsai/kafka';
import { createTestKafka, type TestKafka } from '@governsai/kafka/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const PROCESS = join(import.meta.dirname, 'writer-process.mjs');
const BUILT = join(import.meta.dirname, '../../services/decision-writer/dist/recorder.js');
const ORGS = ['acme', 'globex'];
const DECISIONS = 200;

let database: TestDatabase;
let kafka: TestKafka;
let admin: Database;
let producer: Producer;
let writers: ChildProcess[] = [];

beforeEach(async () => {
  if (!existsSync(BUILT)) throw new Error('the services are not built: run `make build` first');
  [database, kafka] = await Promise.all([createTestDatabase(), createTestKafka({ partitions: 2 })]);
  admin = createDatabase({ url: database.adminUrl, poolSize: 2, applicationName: 'test' });
  for (const org of ORGS) await admin.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]);
  producer = kafka.kafka.producer();
});

afterEach(async () => {
  for (const writer of writers) {
    if (writer.exitCode === null && writer.signalCode === null) {
      writer.kill('SIGKILL');
      await once(writer, 'exit');
    }
  }
  writers = [];
  await producer.close();
  await admin.close();
  await Promise.all([kafka.drop(), database.drop()]);
});

function startWriter(crashAt: string): ChildProcess {
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    CRASH_AT: crashAt,
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC_PREFIX: kafka.topicPrefix,
    DATABASE_URL: database.appUrl,
  };
  const writer = spawn(process.execPath, [PROCESS], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  writers.push(writer);
  return writer;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function submitAll(): Promise<void> {
  const values = Array.from({ length: DECISIONS }, (_, i) => {
    const orgId = ORGS[i % 2] as string;
    return {
      orgId,
      decisionId: `dec_${sha256(`${orgId}/${i}`).slice(0, 32)}`,
      idempotencyKey: `key-${i}`,
      bodyHash: sha256(String(i)),
      schema: 'decision.v1',
      data: { direction: 'precheck', decision: 'allow', tool: 'web.fetch' },
      keyId: null,
      userId: null,
      receivedAt: new Date().toISOString(),
    } satisfies DecisionsSubmitted;
  });
  await producer.sendAll(
    'decisions.submitted',
    values.map((value) => ({ key: value.orgId, value })),
  );
}

interface Head {
  org_id: string;
  last_seq: number;
  published_seq: number;
  head_hash: string;
}

async function untilAllPublished(): Promise<Head[]> {
  for (let i = 0; i < 600; i++) {
    const heads = await admin.system.query<Head>(
      'SELECT org_id, last_seq, published_seq, head_hash FROM org_chains ORDER BY 1',
    );
    const stored = heads.reduce((sum, head) => sum + head.last_seq, 0);
    if (stored >= DECISIONS && heads.every((head) => head.published_seq === head.last_seq)) return heads;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('not everything was stored and published within 30 s of the restart');
}

describe('a decision-writer that is killed', () => {
  it.each(['before-transaction', 'before-commit', 'after-transaction', 'after-publishing', 'before-offset-commit'])(
    'G1 G3: %s leaves nothing lost, nothing doubled and the chain whole',
    async (crashAt) => {
      await submitAll();
      const [, signal] = await once(startWriter(crashAt), 'exit');
      expect(signal).toBe('SIGKILL');

      startWriter('never');
      for (const head of await untilAllPublished()) {
        const rows = await admin.system.query<{ id: string; record: string; prev_hash: string; hash: string }>(
          'SELECT id, record, prev_hash, hash FROM decisions WHERE org_id = $1 ORDER BY seq',
          [head.org_id],
        );
        expect(rows).toHaveLength(DECISIONS / ORGS.length);
        expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
        let hash = GENESIS_HASH;
        for (const row of rows) {
          expect(row.prev_hash).toBe(hash);
          hash = sha256(row.record);
          expect(row.hash).toBe(hash);
        }
        expect(head.head_hash).toBe(hash);
        expect(await seqsAsFirstRead(head.org_id)).toEqual(Array.from({ length: head.last_seq }, (_, i) => i + 1));
      }
    },
  );
});

/** What a reader keeps of `decisions.recorded`: repeats dropped, in the order they were first met. */
async function seqsAsFirstRead(orgId: string): Promise<number[]> {
  const messages = (await kafka.readAll('decisions.recorded')).filter((message) => message.key === orgId);
  return [...new Set(messages.map((message) => (JSON.parse(message.value.toString()) as DecisionsRecorded).seq))];
}
