import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';

export interface DeflateOptions {
  /** The window is two to this power, in bytes. */
  windowBits: number;
  /** A message may refer to those before it. */
  contextTakeover: boolean;
}

/** What ends each message and is left out of it (RFC 7692 §7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** Compresses messages as RFC 7692 §7.2.1 says. One at a time. */
export class Compressor {
  readonly #options: DeflateOptions;
  #stream: DeflateRaw;

  constructor(options: DeflateOptions) {
    this.#options = options;
    this.#stream = createDeflateRaw({ windowBits: options.windowBits });
  }

  async compress(message: Buffer): Promise<Buffer> {
    if (!this.#options.contextTakeover) this.#stream = createDeflateRaw({ windowBits: this.#options.windowBits });
    const bytes = await flushed(this.#stream, message);
    if (!bytes.subarray(-TAIL.length).equals(TAIL)) throw new Error('zlib did not end on a byte');
    return bytes.subarray(0, -TAIL.length);
  }
}

/** Decompresses messages as RFC 7692 §7.2.2 says, and throws where they refer to what they may not. One at a time. */
export class Decompressor {
  readonly #options: DeflateOptions;
  #stream: InflateRaw;

  constructor(options: DeflateOptions) {
    this.#options = options;
    this.#stream = createInflateRaw({ windowBits: options.windowBits });
  }

  async decompress(message: Buffer): Promise<Buffer> {
    if (!this.#options.contextTakeover) this.#stream = createInflateRaw({ windowBits: this.#options.windowBits });
    return flushed(this.#stream, Buffer.concat([message, TAIL]));
  }
}

/** All that comes of `input`, with the stream left open. */
async function flushed(stream: DeflateRaw | InflateRaw, input: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const collect = (chunk: Buffer) => chunks.push(chunk);
  stream.on('data', collect);
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off('error', reject);
      resolve();
    });
  });
  stream.off('data', collect);
  return Buffer.concat(chunks);
}
