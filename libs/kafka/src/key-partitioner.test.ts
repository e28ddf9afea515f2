import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Partitioners, type PartitionMetadata } from 'kafkajs';
import { keyPartitioner } from './key-partitioner.ts';

function topicOf(partitions: number): PartitionMetadata[] {
  return Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [0],
    isr: [0],
  }));
}

it('puts every key where any other client puts it, whatever came before and however many partitions there are', () => {
  const message = fc.record({
    key: fc.oneof(fc.constantFrom('acme', 'globex'), fc.string(), fc.uint8Array({ minLength: 1 }).map(Buffer.from)),
    partitions: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
      const [ours, theirs] = [keyPartitioner(), Partitioners.DefaultPartitioner()];
      for (const { key, partitions } of messages) {
        const args = { topic: 'any', partitionMetadata: topicOf(partitions), message: { key, value: null } };
        expect(ours(args)).toBe(theirs(args));
      }
    }),
  );
});

it('leaves a message without a key, or with a partition of its own, to the client', () => {
  const partition = keyPartitioner();
  const partitionMetadata = topicOf(6);
  const of = (message: { key?: string; partition?: number }) =>
    partition({ topic: 'any', partitionMetadata, message: { value: null, ...message } });
  expect(of({ partition: 4 })).toBe(4);
  expect(of({ key: 'acme', partition: 5 })).toBe(5);
  expect(new Set(Array.from({ length: 6 }, () => of({}))).size).toBe(6);
});
