import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeRecord, originalRecord, type RecordFields } from './record-encoder.ts';

const bytes = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
);

const record: fc.Arbitrary<RecordFields> = fc.record(
  {
    offsetDelta: fc.nat(),
    timestampDelta: fc.oneof(fc.nat(), fc.integer(), fc.maxSafeInteger()),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.dictionary(fc.string(), fc.oneof(bytes, fc.array(bytes, { maxLength: 3 }))),
  },
  { requiredKeys: [] },
);

it('writes the same bytes as kafkajs, whatever a message holds', () => {
  fc.assert(
    fc.property(record, (fields) => {
      expect(Buffer.from(encodeRecord(fields).buffer)).toEqual(Buffer.from(originalRecord(fields).buffer));
    }),
    { numRuns: 500 },
  );
});
