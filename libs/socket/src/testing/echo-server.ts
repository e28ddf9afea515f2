import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEFAULT_LIMITS } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { createSocketServer, type SocketServer } from '../server.ts';

/** The largest message that it takes: not that of a gateway, to see that what depends on it follows. */
export const FRAME_BYTES = 2 * 1024 * 1024;

export interface EchoServer {
  port: number;
  sockets: SocketServer;
  close(): Promise<void>;
}

/** The socket server as `npm run ws:echo` runs it, on a port of its own. */
export async function startEchoServer({ compression = false } = {}): Promise<EchoServer> {
  const server = createServer();
  const sockets = createSocketServer({
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
    compression,
    echo: true,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async close() {
      await sockets.drain(1);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
