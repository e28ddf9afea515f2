import { randomBytes } from 'node:crypto';
import { connect as open, type Socket } from 'node:net';
import WebSocket from 'ws';
import { serve } from '../program.ts';
import { MarkerCounter } from './marker-counter.ts';
import type { Protocol } from './protocols.ts';

export interface ClientSpec {
  /** Null: the server asks for none. */
  key: string | null;
  protocol: Protocol;
}

interface Client {
  socket: Socket;
  pushes: MarkerCounter;
}

/** Handshakes under way at a time. */
const CONNECTING = 64;
/** One address has some 28,000 ports, and the services limit the connections of one. */
const CLIENTS_OF_AN_ADDRESS = 4000;
const TEXT = 0x81;

let clients: Client[] = [];

function pushes(): number {
  return clients.reduce((total, client) => total + client.pushes.count, 0);
}

/** Resolves when the connection is open and everything it has to say was answered. */
async function connectOne(url: URL, index: number, { key, protocol }: ClientSpec): Promise<Client> {
  const localAddress = `127.0.0.${2 + Math.floor(index / CLIENTS_OF_AN_ADDRESS)}`;
  const socket = open({ host: url.hostname, port: Number(url.port), localAddress, noDelay: true });
  const lines = [
    `GET ${protocol.path} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(key === null ? [] : [`Authorization: Bearer ${key}`]),
  ];
  const client: Client = { socket, pushes: new MarkerCounter(protocol.push) };
  socket.on('data', (bytes: Buffer) => client.pushes.take(bytes));
  await answered(socket, 'HTTP/1.1 101', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
  for (const { send, answeredBy } of protocol.hello)
    await answered(socket, answeredBy, () => socket.write(clientFrame(send)));
  // Servers end a client from which they hear no pong, and this one does not look for their pings.
  const pongs = setInterval(() => socket.write(PONG), PONG_MS);
  socket.on('close', () => clearInterval(pongs));
  return client;
}

/** Sends, and resolves when what came since then holds the answer. */
function answered(socket: Socket, answer: string, send: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes(answer)) settle();
    };
    const onEnd = () => settle(new Error(`the connection ended instead of ${answer}: ${text.slice(0, 300)}`));
    function settle(error?: Error): void {
      socket.off('data', onData).off('close', onEnd).off('error', settle);
      if (error) reject(error);
      else resolve();
    }
    socket.on('data', onData).on('close', onEnd).on('error', settle);
    send();
  });
}

/** An empty pong that nobody asked for (RFC 6455 §5.5.3), masked. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const PONG_MS = 10_000;

/** A short text message as a client sends it (RFC 6455 §5.2). The mask is zero: nobody has to be fooled here. */
function clientFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? [TEXT, 0x80 | length] : [TEXT, 0x80 | 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), Buffer.from(text)]);
}

const handlers = {
  /** Opens these connections, each ready when this resolves. */
  connect: async ({ url, specs }: { url: string; specs: readonly ClientSpec[] }) => {
    const begun = performance.now();
    const parsed = new URL(url);
    let next = 0;
    const lane = async () => {
      for (let index = next++; index < specs.length; index = next++) {
        clients.push(await connectOne(parsed, index, specs[index] as ClientSpec));
      }
    };
    await Promise.all(Array.from({ length: CONNECTING }, lane));
    return { seconds: (performance.now() - begun) / 1000 };
  },
  /** Resolves when so many pushes have arrived in all since the connections were opened, with the time it took. */
  arrived: async ({ total }: { total: number }) => {
    const begun = performance.now();
    while (pushes() < total) {
      const closed = clients.filter(({ socket }) => socket.destroyed).length;
      if (closed > 0) throw new Error(`${closed} connections were closed, ${pushes()} of ${total} pushes have arrived`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return { seconds: (performance.now() - begun) / 1000 };
  },
  counts: async (_: null) => ({
    pushes: pushes(),
    open: clients.filter(({ socket }) => !socket.destroyed).length,
  }),
  /** The first push that a client gets which connects like this, as text. */
  sample: async ({ url, spec }: { url: string; spec: ClientSpec }) => {
    const headers = spec.key === null ? {} : { authorization: `Bearer ${spec.key}` };
    const socket = new WebSocket(new URL(spec.protocol.path, url), { headers });
    const first = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => {
        for (const { send } of spec.protocol.hello) socket.send(send);
      });
      socket.on('message', (data: Buffer) => {
        if (data.includes(spec.protocol.push)) resolve(data.toString());
      });
    });
    socket.terminate();
    return first;
  },
  close: async (_: null) => {
    for (const { socket } of clients) socket.destroy();
    clients = [];
  },
};
export type Subscribers = typeof handlers;

serve(handlers);
