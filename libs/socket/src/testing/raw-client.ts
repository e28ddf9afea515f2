import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export interface Frame {
  opcode: number;
  fin: boolean;
  /** RSV1, RSV2 and RSV3, as the three bits of a number. */
  rsv: number;
  payload: Buffer;
}

interface FrameOptions {
  fin?: boolean;
  rsv?: number;
  masked?: boolean;
}

/** A frame as RFC 6455 §5.2 draws it; wrong ones too. */
export function frame(opcode: number, payload: Buffer | string = '', options: FrameOptions = {}): Buffer {
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

/** A TCP connection that has been upgraded, and every frame that came over it until its end. */
export class RawClient {
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

  /** Upgrades a connection to a port of this machine; `headers` are added to those a handshake has. */
  static async open(
    port: number,
    headers: Record<string, string> = {},
  ): Promise<{ client: RawClient; answer: string; key: string }> {
    const socket = connect(port, '127.0.0.1');
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

  /** Resolves when so many frames have come; throws when the connection ends before. */
  async until(count: number): Promise<Frame[]> {
    while (this.frames.length < count) {
      if (this.socket.closed) throw new Error(`the connection ended after ${this.frames.length} frames of ${count}`);
      await Promise.race([once(this.socket, 'data'), this.ended]);
    }
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
      this.frames.push({ opcode: first & 0x0f, fin: (first & 0x80) !== 0, rsv: (first >> 4) & 0x07, payload });
      this.#bytes = this.#bytes.subarray(head + length);
    }
  }
}
