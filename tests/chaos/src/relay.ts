import { connect, createServer, type Server, type Socket } from 'node:net';

/** What a line does, in its own thread: passes bytes on, until it is told to cut, delay or hold them. */
export class Relay {
  /** What is passed on arrives this much later. */
  delayMs = 0;
  #stalled = false;
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  #target = 0;

  constructor() {
    this.#server = createServer((near) => this.#join(near));
  }

  /** Listens on a free port of 127.0.0.1 and returns it. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  /** The port behind the line. */
  set target(port: number) {
    this.#target = port;
  }

  /** While true nothing passes, and nobody is told. */
  set stalled(value: boolean) {
    this.#stalled = value;
    for (const pair of this.#pairs) {
      for (const socket of pair) {
        if (value) socket.pause();
        else socket.resume();
      }
    }
  }

  /** Resets every connection; new ones may be opened at once. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** Resets every connection and lets nobody in any more. */
  close(): void {
    this.#server.close();
    this.cut();
  }

  #join(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    this.#pass(near, far);
    this.#pass(far, near);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
      if (this.#stalled) socket.pause();
    }
  }

  /** Bytes leave in the order they came in, however the delay changes meanwhile: a stream that is slow is still a stream. */
  #pass(from: Socket, to: Socket): void {
    const waiting: { at: number; leave: () => void }[] = [];
    let timer: NodeJS.Timeout | undefined;
    const pump = () => {
      timer = undefined;
      for (;;) {
        const [next] = waiting;
        if (!next) return;
        const wait = next.at - performance.now();
        if (wait > 0) {
          timer = setTimeout(pump, wait);
          return;
        }
        waiting.shift();
        next.leave();
      }
    };
    const pass = (leave: () => void) => {
      waiting.push({ at: performance.now() + this.delayMs, leave });
      if (!timer) pump();
    };
    from.on('data', (bytes) => pass(() => to.destroyed || to.write(bytes)));
    from.on('end', () => pass(() => to.end()));
  }
}
