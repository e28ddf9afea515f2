import { type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { decisionData, ingestBody } from '../decisions.ts';
import { ArrivalTimer, type Flow } from '../measure/latency.ts';
import { serve } from '../program.ts';

/** kafkajs alone, with acks=all. */
let producer: Producer;
let kafka: Kafka;
let consumer: Consumer | undefined;
const timer = new ArrivalTimer();
let batches: { key: string; value: Buffer }[][] = [];

const handlers = {
  connect: async ({ brokers }: { brokers: string[] }) => {
    kafka = new Kafka({ brokers, clientId: 'bare-producer', logLevel: logLevel.ERROR });
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
  },
  /** Prepares the bytes of `count` decisions, in requests of `batch`. */
  prepare: async ({ run, count, batch }: { run: string; count: number; batch: number }) => {
    batches = [];
    for (let from = 0; from < count; from += batch) {
      const length = Math.min(batch, count - from);
      const key = `org-${batches.length % 10}`;
      batches.push(
        Array.from({ length }, (_, i) => ({ key, value: Buffer.from(JSON.stringify(ingestBody(run, from + i))) })),
      );
    }
  },
  /** Writes all of it, so many requests at a time. */
  send: async ({ topic, requests }: { topic: string; requests: number }) => {
    const begun = performance.now();
    let next = 0;
    const one = async () => {
      for (let mine = batches[next++]; mine; mine = batches[next++])
        await producer.send({ topic, acks: -1, messages: mine });
    };
    await Promise.all(Array.from({ length: requests }, one));
    return { seconds: (performance.now() - begun) / 1000 };
  },
  /** Reads a topic, to which something relays from another. */
  follow: async ({ topic }: { topic: string }) => {
    consumer = kafka.consumer({ groupId: `latency-${topic}`, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const joined = new Promise((resolve) => consumer?.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.run({
      eachMessage: async ({ message }) => {
        timer.arrived((JSON.parse(String(message.value)) as { idempotencyKey: string }).idempotencyKey);
      },
    });
    await joined;
  },
  /** Writes to the other at a rate: how long after it was due each came back. */
  latency: ({ topic, ...flow }: Flow & { topic: string }) =>
    timer.flow(flow, (idempotencyKey, i) => {
      const value = JSON.stringify({ idempotencyKey, data: decisionData(i) });
      producer.send({ topic, acks: -1, messages: [{ key: 'org', value }] }).catch((error: Error) => timer.fail(error));
    }),
  leave: async () => {
    await consumer?.disconnect();
  },
};
export type BareProducer = typeof handlers;

serve(handlers);
