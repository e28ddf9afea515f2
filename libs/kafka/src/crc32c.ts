import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
/** kafkajs's own. */
export const originalCrc32c = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;

/** Castagnoli's polynomial, reversed. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;
const tables = Array.from({ length: SLICES }, () => new Int32Array(256));
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];
for (let i = 0; i < 256; i++) {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  t0[i] = crc;
}
for (let slice = 1; slice < SLICES; slice++) {
  const [before, table] = [tables[slice - 1] as Int32Array, tables[slice] as Int32Array];
  for (let i = 0; i < 256; i++) table[i] = ((before[i] as number) >>> 8) ^ (t0[(before[i] as number) & 0xff] as number);
}

/**
 * CRC-32C, which every batch of Kafka carries, eight bytes at a time ("slicing by 8"). kafkajs takes one at a time: measured,
 * 1.8 µs for a message of 800 bytes, against 0.6 here.
 */
export function crc32c(bytes: Buffer): number {
  let crc = -1;
  let at = 0;
  for (const whole = bytes.length - 7; at < whole; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
  }
  for (; at < bytes.length; at++) crc = (t0[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

// kafkajs loads what needs it with its first request: from now on it finds this one.
const loaded = require.cache[require.resolve('kafkajs/src/protocol/recordBatch/crc32C')];
if (loaded) loaded.exports = crc32c;
