import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { DEFAULT_LIMITS, type Principal } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { createSocketServer } from '@governsai/socket';
import { HOST } from './ports.ts';

const USAGE = `usage: npm run ws:echo -- --port N [--compression]

Sends every WebSocket message back, by the socket server of the gateways: their options and limits, but frames of up to 64 MiB,
any path, and no credential asked for. For conformance suites such as Autobahn|Testsuite; not for anything else.`;

/** What the largest cases of conformance suites need. */
const FRAME_BYTES = 64 * 1024 * 1024;
const DRAIN_SECONDS = 2;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9001' },
    compression: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const port = Number(values.port);
if (values.help || !Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(values.help ? 0 : 2);
}

const anybody: Principal = { kind: 'apiKey', orgId: 'echo', userId: null, keyId: null, scopes: [], expiresAt: null };
const server = createServer((_request, response) => response.writeHead(426).end());
// The gateways close a socket that shows no credential in time, which these suites know nothing of.
server.on('upgrade', (request) => {
  request.headers.authorization ??= 'Bearer gai_echo';
  request.url = '/';
});
const sockets = createSocketServer({
  server,
  paths: ['/'],
  access: { verify: async () => anybody, onChange: () => {}, onStale: () => {} },
  limits: { ...DEFAULT_LIMITS, frameBytes: FRAME_BYTES },
  maxConnections: 1000,
  log: createLogger('ws-echo', 'warn'),
  handlers: {},
  compression: values.compression,
  echo: true,
});
server.listen(port, HOST, () => {
  const address = server.address();
  process.stdout.write(`echo at ws://${HOST}:${typeof address === 'object' && address ? address.port : port}\n`);
});
const stop = async () => {
  await sockets.drain(DRAIN_SECONDS);
  server.close();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
