import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../program.ts';

/** A collector that takes spans over OTLP and keeps none: the cost of sending them is the services', as in production. */
let bytes = 0;
const server = createServer((req, res) => {
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  req.on('end', () => res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
});

const handlers = {
  /** Its address. */
  listen: async (_: null) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  /** Bytes of spans taken so far. */
  bytes: async (_: null) => bytes,
};
export type TraceSink = typeof handlers;

serve(handlers);
