import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { serve } from '../program.ts';

/** The second of two Kafka hops: reads a topic and writes what it reads to another, as it comes. */
const handlers = {
  start: async ({ brokers, from, to }: { brokers: string[]; from: string; to: string }) => {
    const kafka = new Kafka({ brokers, clientId: 'bare-relay', logLevel: logLevel.ERROR });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    const consumer = kafka.consumer({ groupId: `relay-${from}`, maxWaitTimeInMs: 100 });
    await Promise.all([producer.connect(), consumer.connect()]);
    await consumer.subscribe({ topic: from, fromBeginning: true });
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.run({
      eachBatch: async ({ batch }) => {
        const messages = batch.messages.map(({ key, value }) => ({ key, value }));
        await producer.send({ topic: to, acks: -1, messages });
      },
    });
    await joined;
  },
};
export type BareRelay = typeof handlers;

serve(handlers);
