import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { Relay } from './relay.ts';

it('passes bytes on in their order while its delay changes and it stalls', async () => {
  let received = '';
  const server = createServer((socket) => {
    socket.setEncoding('utf8');
    // The relay resets what is open when it closes.
    socket.on('error', () => {});
    socket.on('data', (text: string) => {
      received += text;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay = new Relay();
  relay.target = (server.address() as AddressInfo).port;
  const socket = connect(await relay.listen(), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.setNoDelay(true);

  const words = Array.from({ length: 60 }, (_, i) => `${i},`);
  for (const [i, word] of words.entries()) {
    relay.delayMs = [40, 0, 15][i % 3] as number;
    if (i % 20 === 10) relay.stalled = !relay.stalled;
    socket.write(word);
    await delay(2);
  }
  relay.stalled = false;
  relay.delayMs = 0;
  while (received.length < words.join('').length) await delay(5);
  expect(received).toBe(words.join(''));
  socket.destroy();
  relay.close();
  server.close();
});
