import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';

/** An http.Server that ends without breaking what is under way. */
export interface GracefulServer {
  server: Server;
  /** True from the moment `close` was called. */
  readonly closing: boolean;
  /**
   * Stops accepting, closes idle keep-alive connections, waits for requests in flight, then for upgraded sockets. What is
   * left after `deadlineMs` is cut off. Resolves when every connection is gone.
   */
  close(deadlineMs: number): Promise<void>;
}

/** How long a client may take, in milliseconds; who is slower is answered 408 and cut off, whatever trickles in. */
interface ServerPatience {
  /** Until the headers are there, from the connection on: also who says nothing at all. */
  headersMs: number;
  /** Until the whole request is there. */
  requestMs: number;
  /** How often it is looked at. */
  checkMs: number;
}

const PATIENCE: ServerPatience = { headersMs: 15_000, requestMs: 30_000, checkMs: 5000 };

export function createGracefulServer(listener: RequestListener, patience = PATIENCE): GracefulServer {
  const { headersMs, requestMs, checkMs } = patience;
  const server = createServer(
    { connectionsCheckingInterval: checkMs, headersTimeout: headersMs, requestTimeout: requestMs },
    listener,
  );
  // Longer than the 60 s of the usual proxies, so that it is never us who closes a connection they are about to use.
  server.keepAliveTimeout = 65_000;

  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  let closing: Promise<void> | undefined;
  return {
    server,
    get closing() {
      return closing !== undefined;
    },
    close(deadlineMs) {
      closing ??= new Promise((resolve) => {
        // A connection becomes idle when its answer is out: look again until none is left.
        const sweep = setInterval(() => server.closeIdleConnections(), 50);
        const cutOff = setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, deadlineMs);
        server.close(() => {
          clearInterval(sweep);
          clearTimeout(cutOff);
          resolve();
        });
        server.closeIdleConnections();
      });
      return closing;
    },
  };
}
