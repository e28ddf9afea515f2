import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EchoServer, FRAME_BYTES, startEchoServer } from './testing/echo-server.ts';
import { BINARY, CLOSE, frame, PING, PONG, RawClient, TEXT } from './testing/raw-client.ts';

let echo: EchoServer;

beforeAll(async () => {
  echo = await startEchoServer();
});

afterAll(() => echo.close());

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

const open = async () => (await RawClient.open(echo.port)).client;

describe('RFC 6455: the handshake', () => {
  it('§4.2.2: is answered with the accept key, and without an extension nobody offered', async () => {
    const { answer, key, client } = await RawClient.open(echo.port);
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
    const { answer, client } = await RawClient.open(echo.port, headers);
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
    while (echo.sockets.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
