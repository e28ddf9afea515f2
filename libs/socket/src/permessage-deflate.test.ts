import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Compressor, Decompressor } from './testing/deflate.ts';
import { type EchoServer, FRAME_BYTES, startEchoServer } from './testing/echo-server.ts';
import { BINARY, frame, PING, PONG, RawClient, TEXT } from './testing/raw-client.ts';

const RSV1 = 4;
const WINDOW_BITS = [9, 10, 11, 12, 13, 14, 15];
/** The sizes of cases 12 and 13 of Autobahn|Testsuite, and an empty message. */
const SIZES = [0, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

let compressing: EchoServer;
let plain: EchoServer;

beforeAll(async () => {
  [compressing, plain] = await Promise.all([startEchoServer({ compression: true }), startEchoServer()]);
});

afterAll(() => Promise.all([compressing.close(), plain.close()]));

/** The parameters of an extension in a header, by name: true for one without a value. */
type Params = Map<string, string | true>;

/** Upgrades with an offer; the parameters agreed on are null when the server accepted none. */
async function connect(offer: string, to = compressing): Promise<{ client: RawClient; agreed: Params | null }> {
  const { client, answer } = await RawClient.open(to.port, { 'Sec-WebSocket-Extensions': offer });
  expect(answer).toContain('HTTP/1.1 101');
  const header = /^sec-websocket-extensions: (.*)\r$/im.exec(answer)?.[1];
  return { client, agreed: header === undefined ? null : paramsOf(header) };
}

function paramsOf(extension: string): Params {
  const [name, ...params] = extension.split(';').map((part) => part.trim());
  expect(name).toBe('permessage-deflate');
  return new Map(
    params.map((param) => {
      const [key, value = true] = param.split('=');
      return [key as string, value];
    }),
  );
}

/** A client that compresses what it sends, and decompresses what comes, exactly as was agreed. */
class DeflateClient {
  readonly client: RawClient;
  readonly #compressor: Compressor;
  readonly #decompressor: Decompressor;

  private constructor(client: RawClient, agreed: Params) {
    const side = (name: string) => ({
      windowBits: Number(agreed.get(`${name}_max_window_bits`) ?? 15),
      contextTakeover: !agreed.has(`${name}_no_context_takeover`),
    });
    this.client = client;
    this.#compressor = new Compressor(side('client'));
    this.#decompressor = new Decompressor(side('server'));
  }

  static async open(offer = 'permessage-deflate'): Promise<DeflateClient> {
    const { client, agreed } = await connect(offer);
    if (!agreed) throw new Error(`${offer} was declined`);
    return new DeflateClient(client, agreed);
  }

  /** Sends a message, in fragments of so many bytes of what it was compressed to. */
  async send(opcode: number, message: Buffer, each = Number.POSITIVE_INFINITY): Promise<void> {
    const bytes = await this.#compressor.compress(message);
    const starts = Array.from({ length: Math.max(1, Math.ceil(bytes.length / each)) }, (_, i) => i && i * each);
    const frames = starts.map((start, i) =>
      frame(i === 0 ? opcode : 0, bytes.subarray(start, start + each), {
        fin: i === starts.length - 1,
        rsv: i === 0 ? RSV1 : 0,
      }),
    );
    this.client.send(...frames);
  }

  /** The messages that come next, with the bytes each took on the way. */
  async receive(count: number): Promise<{ opcode: number; message: Buffer; bytes: number }[]> {
    const frames = (await this.client.until(count)).splice(0, count);
    const messages = [];
    for (const { opcode, fin, rsv, payload } of frames) {
      expect([fin, rsv & ~RSV1]).toEqual([true, 0]);
      const message = rsv === RSV1 ? await this.#decompressor.decompress(payload) : payload;
      messages.push({ opcode, message, bytes: payload.length });
    }
    return messages;
  }

  end(): void {
    this.client.socket.destroy();
  }
}

/** A text of so many bytes, with repetitions near and far, and no two alike. */
function textOf(bytes: number): Buffer {
  const words = Array.from(randomBytes(64), (byte) => `${byte.toString(36)} Grüße ${byte} 世界 `);
  const text = Buffer.from(words.join('').repeat(1 + Math.ceil(bytes / 1024)));
  // Cut within a character, it would be no UTF-8.
  const cut = Buffer.from(
    text
      .subarray(0, bytes)
      .toString()
      .replace(/\ufffd+$/, ''),
  );
  return Buffer.concat([cut, Buffer.alloc(bytes - cut.length, '.')]);
}

describe('RFC 7692: negotiation', () => {
  it.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; client_no_context_takeover',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    ...WINDOW_BITS.flatMap((bits) => [
      `permessage-deflate; server_max_window_bits=${bits}`,
      `permessage-deflate; client_max_window_bits=${bits}`,
    ]),
    'permessage-deflate; server_max_window_bits=9; client_max_window_bits=9; server_no_context_takeover',
  ])('§7.1: %s is accepted with what it asks of the server, and nothing it does not allow', async (offer) => {
    const { client, agreed } = await connect(offer);
    const offered = paramsOf(offer);
    if (!agreed) throw new Error('declined');
    const serverBits = offered.get('server_max_window_bits');
    if (serverBits) expect(Number(agreed.get('server_max_window_bits'))).toBeLessThanOrEqual(Number(serverBits));
    if (offered.has('server_no_context_takeover')) expect(agreed.get('server_no_context_takeover')).toBe(true);
    const clientBits = agreed.get('client_max_window_bits');
    if (clientBits) {
      const most = offered.get('client_max_window_bits');
      expect(Number(clientBits)).toBeLessThanOrEqual(most === true ? 15 : Number(most));
    }
    const names = ['server_no_context_takeover', 'client_no_context_takeover', 'server_max_window_bits'];
    for (const name of agreed.keys()) expect([...names, 'client_max_window_bits']).toContain(name);
    client.socket.destroy();
  });

  it('§7.1: of several offers one is accepted', async () => {
    const offers = ['permessage-deflate; server_max_window_bits=9', 'permessage-deflate'];
    const { client, agreed } = await connect(['x-unknown', ...offers].join(', '));
    expect(offers.map((offer) => paramsOf(offer))).toContainEqual(agreed);
    client.socket.destroy();
  });

  it.each([
    'permessage-deflate; unknown',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; client_max_window_bits=7',
    'permessage-deflate; client_max_window_bits=16',
    'permessage-deflate; client_no_context_takeover=1',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
  ])('§7.1: %s is not accepted', async (offer) => {
    const { client, answer } = await RawClient.open(compressing.port, { 'Sec-WebSocket-Extensions': offer });
    expect(answer).not.toMatch(/^sec-websocket-extensions:/im);
    client.socket.destroy();
  });

  it('§5.1: an extension that is not known is declined, and so is this one where compression is off', async () => {
    const unknown = await connect('x-webkit-deflate-frame');
    const off = await connect('permessage-deflate', plain);
    expect([unknown.agreed, off.agreed]).toEqual([null, null]);
    unknown.client.socket.destroy();
    off.client.socket.destroy();
  });
});

describe('RFC 7692: messages', () => {
  it.each([
    'permessage-deflate',
    'permessage-deflate; client_no_context_takeover',
    'permessage-deflate; server_no_context_takeover',
    'permessage-deflate; client_no_context_takeover; server_no_context_takeover',
    ...WINDOW_BITS.map((bits) => `permessage-deflate; server_max_window_bits=${bits}`),
    ...WINDOW_BITS.map((bits) => `permessage-deflate; client_max_window_bits=${bits}`),
    'permessage-deflate; client_max_window_bits=9; server_max_window_bits=9; client_no_context_takeover; server_no_context_takeover',
  ])('%s: text and binary of every size come back byte for byte', async (offer) => {
    const client = await DeflateClient.open(offer);
    for (const size of SIZES) {
      // The second of each finds a context that the first has left.
      const text = textOf(size);
      const sent = [text, text, randomBytes(size), Buffer.alloc(size, 0xfe)];
      const opcodes = [TEXT, TEXT, BINARY, BINARY];
      for (const [i, message] of sent.entries()) await client.send(opcodes[i] as number, message);
      const received = await client.receive(sent.length);
      expect(received.map(({ opcode }) => opcode)).toEqual(opcodes);
      expect(received.map(({ message }, i) => message.equals(sent[i] as Buffer))).toEqual([true, true, true, true]);
    }
    client.end();
  });

  it.each([1, 64, 256, 4096])('§6.1: come compressed in fragments of %d bytes too', async (each) => {
    const client = await DeflateClient.open();
    const sent = [textOf(16), textOf(8192), textOf(131_072), randomBytes(each * 8)];
    const opcodes = [TEXT, TEXT, TEXT, BINARY];
    for (const [i, message] of sent.entries()) await client.send(opcodes[i] as number, message, each);
    const received = await client.receive(sent.length);
    expect(received.map(({ opcode }) => opcode)).toEqual(opcodes);
    expect(received.map(({ message }, i) => message.equals(sent[i] as Buffer))).toEqual([true, true, true, true]);
    client.end();
  });

  it.each<[string, string, Buffer[]]>([
    ['one block', 'Hello', [hex('f248cdc9c90700')]],
    ['two fragments', 'Hello', [hex('f248cd'), hex('c9c90700')]],
    ['a fragment of nothing at either end', 'Hello', [hex(''), hex('f248cdc9c90700'), hex('')]],
    ['a block that is not compressed', 'Hello', [hex('000500faff48656c6c6f00')]],
    ['a block that says it is the last', 'Hello', [hex('f348cdc9c9070000')]],
    ['two blocks', 'Hello', [hex('f248050000'), hex('00ffffcac9c90700')]],
    ['nothing', '', [hex('00')]],
  ])('§7.2.3: the examples of the RFC are understood: %s', async (_, message, parts) => {
    const client = await DeflateClient.open();
    const last = parts.length - 1;
    client.client.send(...parts.map((part, i) => frame(i ? 0 : TEXT, part, { fin: i === last, rsv: i ? 0 : RSV1 })));
    expect((await client.receive(1))[0]?.message.toString()).toBe(message);
    client.end();
  });

  it('§6: may stay uncompressed, and be interrupted by control frames', async () => {
    const client = await DeflateClient.open();
    const text = textOf(4096);
    await client.send(TEXT, text);
    client.client.send(frame(TEXT, text));
    await client.send(TEXT, text);
    const received = await client.receive(3);
    expect(received.map(({ message }) => message.equals(text))).toEqual([true, true, true]);
    const [head, tail] = [hex('f248cd'), hex('c9c90700')];
    client.client.send(frame(TEXT, head, { fin: false, rsv: RSV1 }), frame(PING, 'now'), frame(0, tail));
    const [pong, hello] = await client.receive(2);
    expect([pong?.opcode, pong?.message.toString()]).toEqual([PONG, 'now']);
    expect(hello?.message.toString()).toBe('Hello');
    client.end();
  });

  it.each([9, 10, 11, 12, 13, 14])('§7.1.2.1: refer to no more than the window of %d bits', async (bits) => {
    const client = await DeflateClient.open(`permessage-deflate; server_max_window_bits=${bits}`);
    const far = randomBytes(2 ** bits);
    await client.send(BINARY, Buffer.concat([far, far]));
    // As near as zlib looks at most: 262 bytes less than the window.
    const near = randomBytes(2 ** (bits - 2));
    await client.send(BINARY, Buffer.concat([near, near, near, near]));
    const [outside, inside] = await client.receive(2);
    expect(outside?.bytes).toBeGreaterThan(far.length * 1.5);
    expect(inside?.bytes).toBeLessThan(near.length * 2);
    client.end();
  });
});

describe('RFC 7692: what ends the connection', () => {
  const compressed = hex('f248cdc9c90700');

  it.each([
    ['no extension was offered', () => RawClient.open(compressing.port)],
    ['it was declined', () => connect('permessage-deflate', plain)],
  ])('§6: RSV1 when %s: 1002', async (_, open) => {
    const { client } = await open();
    client.send(frame(TEXT, compressed, { rsv: RSV1 }));
    expect(await client.closed()).toBe(1002);
  });

  it.each([
    ['RSV1 on a later fragment', [frame(TEXT, '', { fin: false, rsv: RSV1 }), frame(0, compressed, { rsv: RSV1 })]],
    ['RSV1 on a fragment of what is not compressed', [frame(TEXT, 'x', { fin: false }), frame(0, 'y', { rsv: RSV1 })]],
    ['RSV1 on a control frame', [frame(PING, 'x', { rsv: RSV1 })]],
    ['RSV2 beside it', [frame(TEXT, compressed, { rsv: RSV1 | 2 })]],
    ['RSV3 beside it', [frame(TEXT, compressed, { rsv: RSV1 | 1 })]],
  ])('§6: %s: 1002', async (_, frames) => {
    const { client } = await connect('permessage-deflate');
    client.send(...frames);
    expect(await client.closed()).toBe(1002);
  });

  it.each([
    ['a block of the reserved type', hex('07')],
    ['a length that its complement denies', hex('000500000048656c6c6f00')],
    ['a reference to before the first byte', hex('f200110000')],
    ['text that is not compressed', Buffer.from('hello, hello, hello')],
  ])('§7.2.2: data that is no DEFLATE: %s: 1007 or 1002', async (_, payload) => {
    const { client } = await connect('permessage-deflate');
    client.send(frame(TEXT, payload, { rsv: RSV1 }));
    expect([1002, 1007]).toContain(await client.closed());
  });

  it('RFC 6455 §8.1: text that decompresses to no UTF-8: 1007', async () => {
    const client = await DeflateClient.open();
    await client.send(TEXT, Buffer.from([0xc0, 0xaf]));
    expect(await client.client.closed()).toBe(1007);
  });

  it('G10: a message that decompresses to more than one may have: 1009, and others go on', async () => {
    const [bomb, other] = await Promise.all([DeflateClient.open(), DeflateClient.open()]);
    await bomb.send(BINARY, Buffer.alloc(32 * FRAME_BYTES));
    expect(await bomb.client.closed()).toBe(1009);
    await other.send(BINARY, Buffer.alloc(FRAME_BYTES));
    expect((await other.receive(1))[0]?.message.length).toBe(FRAME_BYTES);
    other.end();
  });
});

function hex(bytes: string): Buffer {
  return Buffer.from(bytes, 'hex');
}
