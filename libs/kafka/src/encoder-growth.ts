import { createRequire } from 'node:module';

interface Encoder {
  buf: Buffer;
  offset: number;
  ensureAvailable(length: number): void;
}

const require = createRequire(import.meta.url);
const encoder: { prototype: Encoder; nextPowerOfTwo(value: number): number } = require('kafkajs/src/protocol/encoder');

/**
 * kafkajs fills a buffer with zeros before it writes over them, at each of the five layers a produce request is made of.
 * Measured: 0.5 µs a layer for a message of 800 bytes, against 0.1. Nothing beyond `offset` is ever sent.
 */
encoder.prototype.ensureAvailable = function (this: Encoder, length: number): void {
  const wanted = this.offset + length;
  if (wanted <= this.buf.length) return;
  const grown = Buffer.allocUnsafe(encoder.nextPowerOfTwo(wanted));
  this.buf.copy(grown, 0, 0, this.offset);
  this.buf = grown;
};
