import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { crc32c, originalCrc32c } from './crc32c.ts';

it('is the CRC-32C of RFC 3720, appendix B.4', () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e);
});

it('agrees with kafkajs on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(crc32c(Buffer.from(bytes))).toBe(originalCrc32c(Buffer.from(bytes)));
    }),
  );
});
