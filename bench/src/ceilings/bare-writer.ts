import { createHash } from 'node:crypto';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import { serve } from '../program.ts';

/**
 * The back half of the bare pipeline: kafkajs, one transaction for at most 500 rows with a hash each, kafkajs. No order, no
 * look at what is known, no second try.
 */
const BATCH = 500;

interface Submitted {
  org: string;
  id: string;
  receivedAt: string;
  data: { direction: string; decision: string; tool: string; correlationId: string; tags: string[]; ts: string };
}

let done = 0;

const handlers = {
  /** Joins its group and begins to read. */
  start: async (input: { brokers: string[]; from: string; to: string; databaseUrl: string; table: string }) => {
    const kafka = new Kafka({ brokers: input.brokers, clientId: 'bare-writer', logLevel: logLevel.ERROR });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    const consumer = kafka.consumer({ groupId: `bare-${input.from}`, maxWaitTimeInMs: 100 });
    const pool = new pg.Pool({ connectionString: input.databaseUrl, max: 10 });
    await Promise.all([producer.connect(), consumer.connect()]);
    await consumer.subscribe({ topic: input.from, fromBeginning: true });
    await consumer.run({
      partitionsConsumedConcurrently: 3,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        for (let at = 0; at < batch.messages.length; at += BATCH) {
          const messages = batch.messages.slice(at, at + BATCH);
          const rows = messages.map(({ value }) => {
            const text = String(value);
            return { ...(JSON.parse(text) as Submitted), text, hash: createHash('sha256').update(text).digest('hex') };
          });
          const connection = await pool.connect();
          await connection.query('BEGIN');
          await connection.query({
            name: 'insert',
            text: `INSERT INTO ${input.table} SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
              $6::text[], $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[])`,
            values: [
              rows.map((row) => row.org),
              rows.map((row) => row.id),
              rows.map((row) => row.data.direction),
              rows.map((row) => row.data.decision),
              rows.map((row) => row.data.tool),
              rows.map((row) => row.data.correlationId),
              rows.map((row) => row.data.ts),
              rows.map((row) => row.receivedAt),
              rows.map((row) => row.text),
              rows.map((row) => row.hash),
            ],
          });
          await connection.query('COMMIT');
          connection.release();
          const out = rows.map(({ org, id, data, hash }) => ({
            key: org,
            value: JSON.stringify({ org, id, ...data, hash }),
          }));
          await producer.send({ topic: input.to, acks: -1, messages: out });
          resolveOffset(messages.at(-1)?.offset ?? '0');
          await heartbeat();
          done += rows.length;
        }
      },
    });
  },
  /** Rows stored and published so far. */
  done: async (_: null) => done,
};
export type BareWriter = typeof handlers;

serve(handlers);
