import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** Longer than any line an export holds; bounds the memory that a hostile file can take. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

const LINE_FEED = 0x0a;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** The bytes cannot be read further. `truncated`: they end too early. Lines before it were given out. */
export class DamagedInput extends Error {
  override name = 'DamagedInput';
  readonly kind: 'truncated' | 'altered';

  constructor(kind: 'truncated' | 'altered', message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/**
 * The lines of a file, each with its line feed; a last one without is given without. Compressed bytes (gzip, known by how
 * they begin) are decompressed. A line that is not UTF-8 comes out holding a lone surrogate, which no valid line does.
 * Throws {@link DamagedInput} for broken gzip and for a line over 16 MiB, and what the source throws.
 */
export async function* readLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of decompressed(source)) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      yield decode([...held, chunk.subarray(start, end + 1)]);
      held = [];
      heldBytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    held.push(chunk.subarray(start));
    heldBytes += chunk.length - start;
    if (heldBytes > MAX_LINE_BYTES) throw new DamagedInput('altered', `a line is longer than ${MAX_LINE_BYTES} bytes`);
  }
  if (heldBytes > 0) yield decode(held);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(pieces: Uint8Array[]): string {
  const bytes = pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
  try {
    return strict.decode(bytes);
  } catch {
    // Replacement characters could hide the change: a lone surrogate cannot come from any UTF-8.
    return Buffer.from(bytes).toString('utf8').replace(/\n?$/, '\ud800$&');
  }
}

async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const chunks = source[Symbol.asyncIterator]();
  let begin: Uint8Array = new Uint8Array(0);
  while (begin.length < GZIP_MAGIC.length) {
    const { value, done } = await chunks.next();
    if (done) break;
    begin = Buffer.concat([begin, value]);
  }
  const whole = rejoin(begin, chunks);
  if (!GZIP_MAGIC.every((byte, index) => begin[index] === byte)) {
    yield* whole;
    return;
  }
  yield* gunzipped(whole);
}

async function* rejoin(begin: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  if (begin.length > 0) yield begin;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const plain = new PassThrough();
  // The error reaches the loop below through `plain`, which pipeline destroys with it.
  const flow = pipeline(Readable.from(source, { objectMode: false }), createGunzip(), plain).catch(() => undefined);
  try {
    for await (const chunk of plain) yield chunk as Uint8Array;
  } catch (error) {
    throw damage(error);
  } finally {
    plain.destroy();
    await flow;
  }
}

function damage(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!code.startsWith('Z_')) return error;
  const truncated = code === 'Z_BUF_ERROR';
  const message = truncated
    ? 'the gzip data ends too early'
    : 'the gzip data is damaged: its checksum or coding is wrong';
  return new DamagedInput(truncated ? 'truncated' : 'altered', message, error);
}
