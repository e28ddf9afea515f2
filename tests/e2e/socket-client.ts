import { once } from 'node:events';
import WebSocket from 'ws';

/** One frame of the server, as JSON. */
export type Frame = { type: string } & Record<string, unknown>;

interface Waiting {
  matches: (frame: Frame) => boolean;
  resolve: (frame: Frame) => void;
}

/** A plain client for tests: remembers every frame, and waits for those a test asks for. */
export class SocketClient {
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<Waiting>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('message', (data) => this.#receive(JSON.parse(data.toString()) as Frame));
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Resolves once the socket is open. */
  static async open(url: string, options: WebSocket.ClientOptions = {}): Promise<SocketClient> {
    const socket = new WebSocket(url, options);
    const client = new SocketClient(socket);
    await once(socket, 'open');
    return client;
  }

  send(message: unknown): void {
    this.#socket.send(typeof message === 'string' || message instanceof Buffer ? message : JSON.stringify(message));
  }

  /** The first frame that matches, already received or yet to come. Rejects after `timeoutMs`. */
  async next(matches: ((frame: Frame) => boolean) | string, timeoutMs = 15_000): Promise<Frame> {
    const test = typeof matches === 'string' ? (frame: Frame) => frame.type === matches : matches;
    const known = this.frames.find(test);
    if (known) return known;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { matches: test, resolve };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(
          new Error(`no such frame within ${timeoutMs} ms; received: ${JSON.stringify(this.frames).slice(0, 2000)}`),
        );
      }, timeoutMs);
      waiting.resolve = (frame) => {
        clearTimeout(timer);
        resolve(frame);
      };
      this.#waiting.add(waiting);
    });
  }

  /** Sends and waits for the answer: the first matching frame from now on. */
  async ask(message: unknown, matches: ((frame: Frame) => boolean) | string): Promise<Frame> {
    const from = this.frames.length;
    const test = typeof matches === 'string' ? (frame: Frame) => frame.type === matches : matches;
    this.send(message);
    return this.next((frame) => this.frames.indexOf(frame) >= from && test(frame));
  }

  close(): void {
    this.#socket.close();
  }

  #receive(frame: Frame): void {
    this.frames.push(frame);
    for (const waiting of this.#waiting) {
      if (!waiting.matches(frame)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(frame);
    }
  }
}
