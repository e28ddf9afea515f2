import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { AppError } from '@governsai/contracts';
import { frameText } from '@governsai/socket';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { EventStream } from './event-stream.ts';

let server: Server;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A stream over a real connection, and what arrives at its other end. */
async function open(requests = 1) {
  const responses: ServerResponse[] = [];
  server = createServer((_req, res) => responses.push(res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString();
  });
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(requests));
  while (responses.length < requests) await new Promise((resolve) => setImmediate(resolve));
  const streams = responses.map((res) => new EventStream(res, 'request-1'));
  return { stream: streams[0] as EventStream, streams, socket, received: () => received };
}

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`did not happen within 10 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const push = (seq: number, text = 'x') =>
  frameText(JSON.stringify({ type: 'DECISION', channel: 'org:acme:decisions', seq, data: { id: `dec_${seq}`, text } }));

describe('EventStream', () => {
  it('says how long to wait and where it stands, then sends each push as an event', async () => {
    const { stream, received } = await open();
    stream.begin(4, () => 4);
    stream.sendFramed(push(5, 'a line\nand another'));
    await eventually(() => received().includes('dec_5'));
    const [, body = ''] = received().split('\r\n\r\n');
    const text = received()
      .slice(received().indexOf(body))
      .replace(/[0-9a-f]+\r\n|\r\n/g, '');
    expect(text).toBe(
      'retry: 2000\nid: 4\n\n' + 'id: 5\nevent: decision\ndata: {"id":"dec_5","text":"a line\\nand another"}\n\n',
    );
  });

  it('sends a comment every 15 s, with the place it has come to, until it ends', async () => {
    const { stream, received } = await open();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'setTimeout', 'clearTimeout'] });
    try {
      let place = 4;
      stream.begin(place, () => place);
      place = 9;
      jest.advanceTimersByTime(15_000);
      await eventually(() => received().includes(': heartbeat\nid: 9\n\n'));
      stream.end('restart');
      jest.advanceTimersByTime(60_000);
      await eventually(() => received().endsWith('0\r\n\r\n'));
      expect(received().match(/heartbeat/g)).toHaveLength(1);
    } finally {
      jest.useRealTimers();
    }
  });

  it('tells an error as a problem and ends', async () => {
    const { stream, received, socket } = await open();
    stream.begin(0, () => 0);
    stream.fail(new AppError('RESUME_GAP', 'gone', { firstSeq: 9 }));
    expect(stream.isOpen).toBe(false);
    await eventually(() => received().endsWith('0\r\n\r\n'));
    expect(received()).toContain('event: error\ndata: {"type":"about:blank"');
    expect(received()).toContain('"code":"RESUME_GAP"');
    expect(received()).toContain('"firstSeq":9');
    expect(socket.destroyed).toBe(false);
  });

  it('sends nothing after its end, and tells a time to come back at it', async () => {
    const { stream, received } = await open();
    stream.begin(0, () => 0);
    stream.end('restart', 1234);
    stream.sendFramed(push(1));
    stream.end('slow');
    await eventually(() => received().endsWith('0\r\n\r\n'));
    expect(received()).toContain('retry: 1234\n\n');
    expect(received()).not.toContain('dec_1');
  });

  it('knows what its reader has not taken, and when it has', async () => {
    const { stream, socket } = await open();
    stream.begin(0, () => 0);
    socket.pause();
    const text = 'x'.repeat(64 * 1024);
    for (let seq = 1; stream.bufferedBytes < 1024 * 1024; seq++) stream.sendFramed(push(seq, text));
    // The kernel takes some megabytes before it takes no more.
    let seq = 100;
    while (await stream.drained(50)) stream.sendFramed(push(seq++, 'x'.repeat(1024 * 1024)));
    expect(stream.bytesSent).toBeGreaterThan(0);
    const drained = stream.drained(10_000);
    socket.resume();
    expect(await drained).toBe(true);
    await eventually(() => stream.bufferedBytes === 0);
    expect(await stream.drained(0)).toBe(true);
  });

  it('is not open any more when its client has left', async () => {
    const { stream, socket } = await open();
    stream.begin(0, () => 0);
    socket.destroy();
    await eventually(() => !stream.isOpen);
    stream.sendFramed(push(1));
    expect(await stream.drained(1000)).toBe(false);
  });

  it('waits behind another answer on its connection without using the processor', async () => {
    const { streams } = await open(2);
    const [first, second] = streams as [EventStream, EventStream];
    first.begin(0, () => 0);
    second.begin(0, () => 0);
    second.sendFramed(push(1));
    expect(second.bufferedBytes).toBeGreaterThan(0);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    expect(await second.drained(100)).toBe(false);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    const sent = once(sockets[0] as Socket, 'data');
    first.end('admin');
    await sent;
    await eventually(() => second.bufferedBytes === 0);
  });
});
