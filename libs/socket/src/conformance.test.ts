import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { DEFAULT_LIMITS } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSocketServer, type SocketServer } from './server.ts';

/** Not that of a gateway, to see that what depends on it follows. */
const FRAME_BYTES = 2 * 1024 * 1024;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

let server: Server;
let sockets: SocketServer;

beforeAll(async () => {
  server = createServer();
  sockets = createSocketServer({
    server,
    paths: ['/ws'],
    access: {
      verify: async () => ({ kind: 'apiKey', orgId: 'echo', userId: null, keyId: null, scopes: [], expiresAt: null }),
      onChange: () => {},
      onStale: () => {},
    },
    limits: { ...DEFAULT_LIMITS, frameBytes: FRAME_BYTES },
    maxConnections: 100,
    log: createLogger('test', 'silent'),
    handlers: {},
    echo: true,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await sockets.drain(1);
  await new Promise((resolve) => server.close(resolve));
});

interface Frame {
  opcode: number;
  fin: boolean;
  payload: Buffer;
}

interface FrameOptions {
  fin?: boolean;
  rsv?: number;
  masked?: boolean;
}

/** A frame as RFC 6455 §5.2 draws it; wrong ones too. */
function frame(opcode: number, payload: Buffer | string = '', options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = true } = options;
  const data = Buffer.from(payload);
  const length = data.length < 126 ? [data.length] : data.length < 65_536 ? [126] : [127];
  const extended = Buffer.alloc(length[0] === 126 ? 2 : length[0] === 127 ? 8 : 0);
  if (extended.length === 2) extended.writeUInt16BE(data.length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(data.length));
  const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode, (masked ? 0x80 : 0) | (length[0] as number)]);
  if (!masked) return Buffer.concat([head, extended, data]);
  const mask = randomBytes(4);
  const hidden = data.map((byte, i) => byte ^ (mask[i % 4] as number));
  return Buffer.concat([head, extended, mask, hidden]);
}

/** A text of so many bytes in fragments of so many. */
const fragments = (bytes: number, each: number) =>
  Array.from({ length: bytes / each }, (_, i) =>
    frame(i === 0 ? TEXT : 0, 'x'.repeat(each), { fin: (i + 1) * each === bytes }),
  );

const closeFrame = (code: number, reason: Buffer | string = '') => {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return frame(CLOSE, Buffer.concat([payload, Buffer.from(reason)]));
};

/** A TCP connection that has been upgraded, and every frame that came over it until its end. */
class RawClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly ended: Promise<unknown>;
  #bytes: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, first: Buffer) {
    this.socket = socket;
    this.ended = once(socket, 'close');
    this.#read(first);
    socket.on('data', (bytes) => this.#read(bytes));
  }

  static async open(headers: Record<string, string> = {}): Promise<{ client: RawClient; answer: string; key: string }> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.on('error', () => {});
    const key = randomBytes(16).toString('base64');
    const all = {
      Host: '127.0.0.1',
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Version': '13',
      Authorization: 'Bearer gai_echo',
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /ws HTTP/1.1\r\n${lines.join('')}\r\n`);
    let bytes: Buffer = Buffer.alloc(0);
    while (!bytes.includes('\r\n\r\n')) bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0] as Buffer]);
    const end = bytes.indexOf('\r\n\r\n') + 4;
    return { client: new RawClient(socket, bytes.subarray(end)), answer: bytes.subarray(0, end).toString(), key };
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Resolves when so many frames have come. */
  async until(count: number): Promise<Frame[]> {
    while (this.frames.length < count) await once(this.socket, 'data');
    return this.frames;
  }

  /** What the server's close frame says once the connection has ended: its code, null for none; undefined without one. */
  async closed(): Promise<number | null | undefined> {
    await this.ended;
    const close = this.frames.find(({ opcode }) => opcode === CLOSE);
    if (!close) return undefined;
    return close.payload.length === 0 ? null : close.payload.readUInt16BE();
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      if (this.#bytes.length < 2) return;
      const [first, second] = [this.#bytes[0] as number, this.#bytes[1] as number];
      if (second & 0x80) throw new Error('a server must not mask (RFC 6455 §5.1)');
      const short = second & 0x7f;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#bytes.length < head) return;
      const length =
        short === 126 ? this.#bytes.readUInt16BE(2) : short === 127 ? Number(this.#bytes.readBigUInt64BE(2)) : short;
      if (this.#bytes.length < head + length) return;
      const payload = this.#bytes.subarray(head, head + length);
      this.frames.push({ opcode: first & 0x0f, fin: (first & 0x80) !== 0, payload });
      this.#bytes = this.#bytes.subarray(head + length);
    }
  }
}

const open = async () => (await RawClient.open()).client;

describe('RFC 6455: the handshake', () => {
  it('§4.2.2: is answered with the accept key, and without an extension nobody offered', async () => {
    const { answer, key, client } = await RawClient.open();
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    expect(answer).toContain('HTTP/1.1 101');
    expect(answer).toContain(`Sec-WebSocket-Accept: ${accept}`);
    expect(answer).not.toMatch(/sec-websocket-(extensions|protocol)/i);
    client.socket.destroy();
  });

  it.each<[string, Record<string, string>]>([
    ['a version that is not spoken', { 'Sec-WebSocket-Version': '7' }],
    ['a key that is none', { 'Sec-WebSocket-Key': 'short' }],
  ])('§4.4: %s is refused', async (_, headers) => {
    const { answer, client } = await RawClient.open(headers);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    client.socket.destroy();
  });
});

describe('RFC 6455: messages', () => {
  const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, FRAME_BYTES];

  it.each(sizes)('§5.6: text and binary of %d bytes come back', async (size) => {
    const client = await open();
    client.send(frame(TEXT, 'x'.repeat(size)), frame(BINARY, Buffer.alloc(size, 0xfe)));
    const frames = await client.until(2);
    expect(frames.map(({ opcode, fin, payload }) => [opcode, fin, payload.length])).toEqual([
      [TEXT, true, size],
      [BINARY, true, size],
    ]);
    expect(frames[1]?.payload.equals(Buffer.alloc(size, 0xfe))).toBe(true);
    client.socket.destroy();
  });

  it('§5.2: a length in more bytes than it needs is taken, or ends the connection, but is not misread', async () => {
    const client = await open();
    const data = Buffer.from('hello');
    const mask = Buffer.alloc(4);
    client.send(Buffer.concat([Buffer.from([0x81, 0xfe, 0, 5]), mask, data]));
    const [first] = await client.until(1);
    expect(first?.opcode === TEXT ? first.payload.toString() : first?.opcode).toBe('hello');
    client.socket.destroy();
  });

  it('§5.4: fragments make one message, with control frames answered in between', async () => {
    const client = await open();
    client.send(
      frame(TEXT, 'one ', { fin: false }),
      frame(PING, 'now'),
      frame(0, '', { fin: false }),
      frame(0, 'message'),
      frame(BINARY, 'ab', { fin: false }),
      frame(0, 'c'),
    );
    const frames = await client.until(3);
    expect(frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [PONG, 'now'],
      [TEXT, 'one message'],
      [BINARY, 'abc'],
    ]);
    client.socket.destroy();
  });

  it('§5.4: may come in fragments of 64 bytes, as long as they may be', async () => {
    const client = await open();
    client.send(...fragments(FRAME_BYTES, 64));
    const [message] = await client.until(1);
    expect([message?.opcode, message?.payload.length]).toEqual([TEXT, FRAME_BYTES]);
    client.socket.destroy();
  });

  it('are read a byte at a time too', async () => {
    const client = await open();
    const text = 'Grüße, 世界 🌍';
    for (const byte of Buffer.concat([frame(TEXT, text.repeat(10)), frame(PING, 'p')])) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const frames = await client.until(2);
    expect(frames.map(({ payload }) => payload.toString())).toEqual([text.repeat(10), 'p']);
    client.socket.destroy();
  });

  it('§8.1: UTF-8 may be split between fragments, within a character', async () => {
    const client = await open();
    const bytes = Buffer.from('κόσμε🌍');
    for (let cut = 1; cut < bytes.length; cut++) {
      client.send(frame(TEXT, bytes.subarray(0, cut), { fin: false }), frame(0, bytes.subarray(cut)));
    }
    const frames = await client.until(bytes.length - 1);
    expect(new Set(frames.map(({ payload }) => payload.toString()))).toEqual(new Set(['κόσμε🌍']));
    client.socket.destroy();
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['an unfinished character', [0xe4, 0xb8]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['0xff', [0xff]],
  ])('§8.1: text that is no UTF-8 ends with 1007: %s', async (_, bytes) => {
    const client = await open();
    client.send(frame(TEXT, Buffer.from(bytes)));
    expect(await client.closed()).toBe(1007);
    const split = await open();
    split.send(frame(TEXT, 'fine ', { fin: false }), frame(0, Buffer.from(bytes)));
    expect(await split.closed()).toBe(1007);
  });

  it.each([
    ['one frame', () => [frame(TEXT, 'x'.repeat(FRAME_BYTES + 1))]],
    ['fragments', () => fragments(FRAME_BYTES + 65_536, 65_536)],
  ])('§7.4.1: a message above the limit ends with 1009: %s', async (_, frames) => {
    const client = await open();
    client.send(...frames());
    expect(await client.closed()).toBe(1009);
  });
});

describe('RFC 6455: control frames', () => {
  it('§5.5.2: PING is answered with its own payload, of up to 125 bytes; PONG with nothing', async () => {
    const client = await open();
    const payload = randomBytes(125);
    client.send(frame(PONG, 'unasked'), frame(PING), frame(PING, payload), frame(TEXT, 'after'));
    const frames = await client.until(3);
    expect(frames.map(({ opcode }) => opcode)).toEqual([PONG, PONG, TEXT]);
    expect(frames[1]?.payload.equals(payload)).toBe(true);
    client.socket.destroy();
  });

  it.each<[string, Buffer[]]>([
    ['a PING of 126 bytes', [frame(PING, 'x'.repeat(126))]],
    ['a fragmented PING', [frame(PING, 'x', { fin: false }), frame(0, 'y')]],
    ['a fragmented close', [frame(CLOSE, '', { fin: false })]],
    ['RSV1 without an extension', [frame(TEXT, 'x', { rsv: 4 })]],
    ['RSV2', [frame(TEXT, 'x', { rsv: 2 })]],
    ['RSV3 on a PING', [frame(PING, 'x', { rsv: 1 })]],
    ...[3, 4, 7, 11, 15].map((opcode): [string, Buffer[]] => [`the reserved opcode ${opcode}`, [frame(opcode, 'x')]]),
    ['a frame that is not masked', [frame(TEXT, 'x', { masked: false })]],
    ['a continuation of nothing', [frame(0, 'x')]],
    ['a new message within one', [frame(TEXT, 'x', { fin: false }), frame(TEXT, 'y')]],
    ['a continuation after the last', [frame(TEXT, 'x', { fin: false }), frame(0, 'y'), frame(0, 'z')]],
  ])('§5: %s ends the connection with 1002', async (_, frames) => {
    const client = await open();
    client.send(...frames);
    expect(await client.closed()).toBe(1002);
  });
});

describe('RFC 6455: closing', () => {
  it.each([1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999])(
    '§7.1.5: %d is answered with itself, after what came before',
    async (code) => {
      const client = await open();
      client.send(frame(TEXT, 'last words'), closeFrame(code, 'bye'), frame(TEXT, 'too late'));
      expect(await client.closed()).toBe(code);
      expect(client.frames.map(({ opcode }) => opcode)).toEqual([TEXT, CLOSE]);
    },
  );

  it('§7.1.5: a close without a code is answered', async () => {
    const client = await open();
    client.send(frame(CLOSE));
    expect([null, 1000]).toContain(await client.closed());
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535])(
    '§7.4: %d may not be sent, and ends with 1002',
    async (code) => {
      const client = await open();
      client.send(closeFrame(code));
      expect(await client.closed()).toBe(1002);
    },
  );

  it('§5.5.1: a close with half a code ends with 1002, with a reason that is no UTF-8 with 1007', async () => {
    const half = await open();
    half.send(frame(CLOSE, 'x'));
    expect(await half.closed()).toBe(1002);
    const garbled = await open();
    garbled.send(closeFrame(1000, Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80])));
    expect(await garbled.closed()).toBe(1007);
  });

  it('§7.1.1: a peer that just goes leaves nothing behind', async () => {
    const client = await open();
    client.send(frame(TEXT, 'x', { fin: false }));
    client.socket.destroy();
    while (sockets.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
