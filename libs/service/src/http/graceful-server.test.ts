import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createGracefulServer, type GracefulServer } from './graceful-server.ts';

// Short enough for a test; what is asked is that there is an end, not when.
const PATIENCE = { headersMs: 200, requestMs: 400, checkMs: 50 };

let graceful: GracefulServer;
let port: number;

beforeEach(async () => {
  graceful = createGracefulServer((req, res) => {
    req.resume().once('end', () => res.end('done'));
  }, PATIENCE);
  await new Promise<void>((resolve) => graceful.server.listen(0, '127.0.0.1', resolve));
  port = (graceful.server.address() as AddressInfo).port;
});
afterEach(() => graceful.close(1000));

/** What a client is told that sends `first` and then `drop` again and again, until it is cut off. */
async function toldTo(first: string, drop: string): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  if (first !== '') socket.write(first);
  const trickle = setInterval(() => drop !== '' && socket.writable && socket.write(drop), 20);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(trickle);
  return Buffer.concat(chunks).toString().split('\r\n')[0] ?? '';
}

describe('a client that keeps a connection without a request', () => {
  it.each([
    ['says nothing at all', '', ''],
    ['trickles headers without an end', 'GET / HTTP/1.1\r\nHost: x\r\n', 'X-Drop: 1\r\n'],
    ['trickles a body without an end', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n', 'x'],
    [
      'trickles chunks without an end',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1\r\nx\r\n',
    ],
  ])('%s: is told 408 and cut off', async (_what, first, drop) => {
    expect(await toldTo(first, drop)).toBe('HTTP/1.1 408 Request Timeout');
  });

  it('sends more headers than anybody needs: is told 431 and cut off', async () => {
    const long = `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await toldTo(long, '')).toBe('HTTP/1.1 431 Request Header Fields Too Large');
  });

  it('does not hold up the others', async () => {
    const slow = toldTo('GET / HTTP/1.1\r\nHost: x\r\n', 'X-Drop: 1\r\n');
    const answer = await fetch(`http://127.0.0.1:${port}`);
    expect(await answer.text()).toBe('done');
    await slow;
  });
});
