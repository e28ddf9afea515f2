// A decision-writer that dies where CRASH_AT says: the real parts on real servers, killed by a real SIGKILL. The parts
// are taken as they are built, and wrapped only to know when a step is reached.
import { createDatabase } from '@governsai/db';
import { createKafka } from '@governsai/kafka';
import { createLogger, Periodic } from '@governsai/service';
import { decisionsSubmittedConsumer } from '../../services/decision-writer/dist/consumers/decisions-submitted.js';
import { PolicyCache } from '../../services/decision-writer/dist/policies/cache.js';
import { PublishedMarks, SAVE_MARKS_MS } from '../../services/decision-writer/dist/published-marks.js';
import { Publisher } from '../../services/decision-writer/dist/publisher.js';
import { Recorder } from '../../services/decision-writer/dist/recorder.js';

const { CRASH_AT, KAFKA_BROKERS, KAFKA_TOPIC_PREFIX, DATABASE_URL } = process.env;
const log = createLogger('decision-writer', 'warn');

/** Dies at its step, in the second batch: the first has left something behind that must stay whole. */
let reached = 0;
function step(name) {
  if (name !== CRASH_AT || ++reached < 2) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered before anything else is done.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const db = createDatabase({ url: DATABASE_URL, poolSize: 5, applicationName: 'crashing-writer' });
const recorderDb = {
  ...db,
  transaction: (orgIds, fn) =>
    db.transaction(orgIds, async (tx) => {
      const result = await fn(tx);
      step('before-commit');
      return result;
    }),
};
const kafka = createKafka({
  brokers: KAFKA_BROKERS.split(','),
  clientId: 'writer',
  topicPrefix: KAFKA_TOPIC_PREFIX,
  log,
});
const producer = kafka.producer();
const confirming = {
  ...producer,
  send: (...message) => producer.send(...message),
  sendAll: async (topic, messages) => {
    await producer.sendAll(topic, messages);
    step('after-publishing');
  },
};
const marks = new PublishedMarks(db);
const saving = new Periodic({ name: 'published marks', intervalMs: SAVE_MARKS_MS, log, run: () => marks.save() });
const recorder = new Recorder(recorderDb, new PolicyCache(log), () => {});
const handle = decisionsSubmittedConsumer({
  recorder: {
    record: async (items) => {
      step('before-transaction');
      const outcome = await recorder.record(items);
      step('after-transaction');
      return outcome;
    },
  },
  publisher: new Publisher(db, confirming, marks),
  producer,
});

const consumer = kafka.consumeGroup({
  topic: 'decisions.submitted',
  groupId: 'writer',
  maxBatch: 20,
  sessionTimeoutMs: 6000,
  handler: async (batch) => {
    await handle(batch);
    step('before-offset-commit');
  },
});
await consumer.start();
saving.start();
process.on('SIGTERM', async () => {
  await consumer.stop();
  await saving.stop();
  await saving.round();
  await producer.close();
  await db.close();
  process.exit(0);
});
