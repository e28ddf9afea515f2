import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export type Message = { type: string } & Record<string, unknown>;

/** One connection as the server sees it. */
export class Peer {
  readonly received: Message[] = [];
  readonly url: string;
  readonly socket: WebSocket;

  constructor(socket: WebSocket, url: string) {
    this.socket = socket;
    this.url = url;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  of(type: string): Message[] {
    return this.received.filter((message) => message.type === type);
  }

  error(code: string, extra: object = {}): void {
    this.send({ type: 'ERROR', code, error: code, message: `told ${code}`, timestamp: now(), ...extra });
  }

  ack({ idempotencyKey }: Message): void {
    this.send({ type: 'ACK', id: idempotencyKey, decisionId: `dec_${idempotencyKey}`, dedup: false, ...common });
  }

  subscribed({ channels }: Message, position = 0): void {
    const [channel] = channels as string[];
    this.send({ type: 'SUB_SUCCESS', channels, positions: { [channel as string]: position } });
  }

  decision(channel: string, seq: number): void {
    this.send({ type: 'DECISION', channel, seq, data: { id: `dec_${seq}` } });
  }
}

const common = { schema: 'decision.v1', timestamp: '2026-01-01T00:00:00.000Z' };
const now = () => new Date().toISOString();

export type Script = Partial<Record<string, (peer: Peer, message: Message) => void>>;

/** What a server answers unless a test scripts otherwise: it knows every credential and acknowledges everything. */
const POLITE: Script = {
  AUTH: (peer) =>
    peer.send({ type: 'AUTH_SUCCESS', orgId: 'acme', orgSlug: 'acme', userId: null, timestamp: common.timestamp }),
  INGEST: (peer, message) => peer.ack(message),
  SUB: (peer, message) => peer.subscribed(message),
  UNSUB: (peer, { channels }) => peer.send({ type: 'UNSUB_SUCCESS', channels }),
  PING: (peer) => peer.send({ type: 'PONG', timestamp: common.timestamp }),
};

/** A WebSocket server that answers by a script, for what a real one does only when it is in trouble. */
export class ScriptedServer {
  readonly peers: Peer[] = [];
  script: Script;
  readonly port: number;
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer, script: Script) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.script = { ...POLITE, ...script };
    server.on('connection', (socket, request) => {
      const peer = new Peer(socket, request.url ?? '');
      this.peers.push(peer);
      socket.on('message', (data) => {
        const message = JSON.parse(data.toString()) as Message;
        peer.received.push(message);
        this.script[message.type]?.(peer, message);
      });
    });
  }

  static async start(script: Script = {}, port = 0): Promise<ScriptedServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port });
    await once(server, 'listening');
    return new ScriptedServer(server, script);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The connection made last. */
  get peer(): Peer {
    const peer = this.peers.at(-1);
    if (!peer) throw new Error('nobody has connected');
    return peer;
  }

  /** Everything received of a type, on all connections. */
  received(type: string): Message[] {
    return this.peers.flatMap((peer) => peer.of(type));
  }

  async stop(): Promise<void> {
    for (const { socket } of this.peers) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Waits until it is so; rejects after 20 s. */
export async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`did not happen within 20 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
