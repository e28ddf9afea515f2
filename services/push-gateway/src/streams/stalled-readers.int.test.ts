import { type ChildProcess, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DEFAULT_LIMITS, type Principal } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { createSocketServer, frameText } from '@governsai/socket';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PushStream } from './push-stream.ts';
import { framedPush, type Push } from './ring.ts';
import type { Subscriber } from './subscription.ts';
import { Turns } from './turns.ts';

const STALLED = 1000;
const HEALTHY = 10;
const PUSHES = 4000;
const PUSH_BYTES = 8 * 1024;
const RING_BYTES = 1024 * 1024;
const WINDOW_BYTES = 256 * 1024;

const principal: Principal = {
  kind: 'apiKey',
  orgId: 'acme',
  userId: null,
  keyId: 'k',
  scopes: ['decisions:read'],
  expiresAt: null,
};

// What is dead but not collected yet is nobody's debt.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const bufferBytes = () => {
  collect();
  return process.memoryUsage().arrayBuffers;
};

let readers: ChildProcess | undefined;
afterEach(() => {
  readers?.kill();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

describe('1,000 readers that stall', () => {
  it('cost a bounded memory, are each told 4430, and leave the healthy ones beside them alone', async () => {
    // The buffers of a Unix socket do not grow, as those of TCP do: a reader that stalls shows at once.
    const path = join(tmpdir(), `governsai-stalled-${process.pid}.sock`);
    let stored = 0;
    const push = (seq: number): Push =>
      framedPush(seq, frameText(JSON.stringify({ seq, padding: 'x'.repeat(PUSH_BYTES) })));
    const stream = new PushStream({
      source: {
        head: async () => ({ lastSeq: stored, firstSeq: 1 }),
        after: async (seq) => Array.from({ length: Math.min(32, stored - seq) }, (_, i) => push(seq + 1 + i)),
      },
      ringBytes: () => RING_BYTES,
      slowMs: 3000,
      turns: new Turns(() => performance.now()),
      onReadFailure: () => {},
      pause: async (ms) => delay(ms),
    });
    const subscribers = new Map<number, Subscriber>();
    const server = createServer();
    const sockets = createSocketServer({
      server,
      paths: ['/ws'],
      access: { verify: async () => principal, onChange: () => {}, onStale: () => {} },
      limits: DEFAULT_LIMITS,
      maxConnections: STALLED + HEALTHY,
      log: createLogger('push-gateway', 'silent'),
      handlers: {
        SUB: async (connection, { index }) => {
          const subscriber: Subscriber = {
            get isOpen() {
              return connection.isOpen;
            },
            get bufferedBytes() {
              return connection.bufferedBytes;
            },
            sendFramed: (frame) => connection.sendFramed(frame),
            drained: (ms) => connection.drained(ms),
            close(code, reason) {
              connection.close(code, reason);
              // Now it reads, to find out.
              readers?.send(index as number);
            },
          };
          (await stream.subscribe(subscriber, null)).start(() => {});
          subscribers.set(index as number, subscriber);
        },
      },
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));

    const ends = new Map<number, { code: number; inOrder: boolean; last: number }>();
    const last = new Map<number, number>();
    const outOfOrder: number[] = [];
    readers = fork(join(import.meta.dirname, 'readers.mjs'), [path, String(STALLED), String(HEALTHY)], {
      execArgv: [],
    });
    readers.on('message', (message: { index: number; seq?: number; code: number; inOrder: boolean; last: number }) => {
      const { index, seq } = message;
      if (seq === undefined) {
        ends.set(index, message);
        return;
      }
      if (seq !== (last.get(index) ?? 0) + 1) outOfOrder.push(index);
      last.set(index, seq);
    });
    await until(() => subscribers.size === STALLED + HEALTHY);

    const healthy = [...subscribers].filter(([index]) => index >= STALLED).map(([, subscriber]) => subscriber);
    const before = bufferBytes();
    let mostBytes = 0;
    let mostOwed = 0;
    while (stored < PUSHES) {
      stream.receive(push(++stored));
      if (stored % 64 !== 0) continue;
      await nextTurn();
      await until(() => healthy.every(({ bufferedBytes }) => bufferedBytes === 0));
      for (const { bufferedBytes } of subscribers.values()) mostOwed = Math.max(mostOwed, bufferedBytes);
      if (stored % 512 === 0) mostBytes = Math.max(mostBytes, bufferBytes() - before);
    }
    await until(() => ends.size === STALLED && healthy.length === HEALTHY);
    await until(() => [...last.values()].every((seq) => seq === PUSHES));

    // Nobody is owed more than the window and the push that filled it; and the pushes of all are the same few.
    expect(mostOwed).toBeLessThan(WINDOW_BYTES + 2 * PUSH_BYTES);
    expect(mostBytes).toBeLessThan((PUSHES * PUSH_BYTES) / 2);
    expect([...ends.values()].filter(({ code }) => code !== 4430)).toEqual([]);
    expect([...ends.values()].filter(({ inOrder }) => !inOrder)).toEqual([]);
    expect([...last.values()]).toEqual(Array(HEALTHY).fill(PUSHES));
    expect(outOfOrder).toEqual([]);
    stream.close();
    readers.kill();
    await sockets.drain(1);
    await new Promise((resolve) => server.close(resolve));
    await rm(path, { force: true });
  }, 240_000);
});
