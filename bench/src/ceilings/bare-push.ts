import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { serve } from '../program.ts';

/** A ws server that sends what it is told to every client: nobody is asked who they are or what they want. */
let server: WebSocketServer;

const handlers = {
  listen: async (_: null) => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, backlog: 4096 });
    await new Promise((resolve) => server.once('listening', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  },
  /** Sends a text to all clients, so many times. */
  broadcast: async ({ text, times }: { text: string; times: number }) => {
    const bytes = Buffer.from(text);
    for (let i = 0; i < times; i++) {
      for (const client of server.clients) client.send(bytes, { binary: false });
      // What has been written gets out, and what was freed is collected.
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
};
export type BarePush = typeof handlers;

serve(handlers);
