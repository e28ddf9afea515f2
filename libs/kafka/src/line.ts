import { connect, isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_DELAY_MS = 60_000;

/** Opens sockets as kafkajs does by itself. */
const openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  return socket;
};

/** The sockets of one client, which can be cut at once: kafkajs alone goes on with what it had begun, and reconnects for it. */
export class Line {
  readonly #sockets = new Set<Socket>();
  readonly #openSocket: ISocketFactory;
  #down = false;

  constructor(open: ISocketFactory = openSocket) {
    this.#openSocket = open;
  }

  /** Give it to the client as its socket factory. */
  readonly open: ISocketFactory = (target) => {
    if (this.#down) {
      const refused = new Socket();
      setImmediate(() => refused.destroy(new Error('the line is cut')));
      return refused;
    }
    const socket = this.#openSocket(target);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  };

  /** Breaks every connection and refuses new ones. */
  cut(): void {
    this.#down = true;
    for (const socket of this.#sockets) socket.destroy(new Error('the line is cut'));
  }

  /** Lets new connections through again. */
  heal(): void {
    this.#down = false;
  }
}
