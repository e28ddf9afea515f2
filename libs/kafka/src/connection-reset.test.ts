import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import './connection-reset.ts';
import { until } from './test-records.ts';

interface Fulfilled {
  correlationId: number;
  payload: Buffer;
}

interface Connection {
  requestQueue: { fulfillRequest: (response: Fulfilled) => void };
  connect(): Promise<boolean>;
  disconnect(): Promise<boolean>;
  isConnected(): boolean;
}

const require = createRequire(import.meta.url);
const Connection: new (options: object) => Connection = require('kafkajs/src/network/connection');
const createSocket = require('kafkajs/src/network/socketFactory') as () => unknown;

const silent = { namespace: () => silent, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let server: Server | undefined;
const sockets: Socket[] = [];
afterEach(() => {
  server?.close();
  for (const socket of sockets) socket.destroy();
});

/** A response as the protocol has it: its length, the request's number, and what it says. */
function response(correlationId: number, text: string): Buffer {
  const body = Buffer.from(text);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeInt32BE(4 + body.length, 0);
  frame.writeInt32BE(correlationId, 4);
  body.copy(frame, 8);
  return frame;
}

it('reads a new connection from its beginning when the one before broke in the middle of a response', async () => {
  server = createServer((socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = new Connection({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    logger: silent,
    socketFactory: createSocket(),
    connectionTimeout: 5000,
    requestTimeout: 5000,
  });
  const received: Fulfilled[] = [];
  connection.requestQueue.fulfillRequest = (answer) => received.push(answer);
  await connection.connect();
  await until('the first connection', () => sockets.length === 1);
  sockets[0]?.write(response(1, 'a').subarray(0, 6));
  sockets[0]?.end();
  await until('its end', () => !connection.isConnected());

  await connection.connect();
  await until('the second connection', () => sockets.length === 2);
  sockets[1]?.write(Buffer.concat([response(2, 'b'), response(3, 'c')]));
  await until('both responses', () => received.length === 2);
  expect(received.map(({ correlationId, payload }) => [correlationId, payload.toString()])).toEqual([
    [2, 'b'],
    [3, 'c'],
  ]);
  await connection.disconnect();
});
