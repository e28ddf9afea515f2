import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Client, type ClientOptions, ResumeGapError, type Subscription } from './index.ts';
import { openScripted } from './testing/scripted-client.ts';
import { eventually, type Message, type Peer, type Script, type ScriptedServer } from './testing/scripted-server.ts';

const CHANNEL = 'org:acme:decisions';

let server: ScriptedServer;

async function open(script: Script = {}, options: Partial<ClientOptions> = {}): Promise<Client> {
  const opened = await openScripted(script, { backoff: { minMs: 2, maxMs: 10 }, ...options });
  server = opened.server;
  return opened.client;
}

async function take<Event>(events: Subscription<Event>, count: number): Promise<Event[]> {
  const taken: Event[] = [];
  while (taken.length < count) {
    const { done, value } = await events.next();
    if (done) throw new Error('it has ended');
    taken.push(value);
  }
  return taken;
}

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
const seqs = (events: { seq: number }[]) => events.map(({ seq }) => seq);
const sinceOf = (message: Message) => (message.since as Record<string, number> | undefined)?.[CHANNEL];
const send = (peer: Peer, ...all: number[]) => {
  for (const seq of all) peer.decision(CHANNEL, seq);
};

describe('a subscription', () => {
  it('G4: begins after since, and says what to go on from', async () => {
    const client = await open({
      SUB: (peer, message) => {
        peer.subscribed(message, 9);
        send(peer, 8, 9, 10);
      },
    });
    const events = client.subscribe(CHANNEL, { since: 7 });
    expect(seqs(await take(events, 2))).toEqual([8, 9]);
    expect(events.position).toBe(9);
    expect(server.received('SUB')).toEqual([{ type: 'SUB', channels: [CHANNEL], since: { [CHANNEL]: 7 } }]);
    expect(seqs(await take(events, 1))).toEqual([10]);
  });

  it('G4: without since begins where the server is, and goes on from there though nothing came', async () => {
    const client = await open({ SUB: (peer, message) => peer.subscribed(message, 41) });
    const events = client.subscribe(CHANNEL);
    await events.subscribed();
    expect(events.position).toBe(41);
    server.peer.socket.terminate();
    await eventually(() => server.received('SUB').length === 2);
    expect(server.received('SUB').map(sinceOf)).toEqual([undefined, 41]);
  });

  it('G4: hands out each seq once and in order, whatever breaks, repeats or is left out', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('drop', 'restart', 'repeat', 'hole', 'UNAVAILABLE', 'end', 'none'), { maxLength: 60 }),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 10 }),
        async (script, last, buffer) => {
          const plan = [...script];
          /** Sends from a seq on until something happens. */
          const stream = (peer: Peer, since: number, subscription: number) => {
            for (let seq = since + 1; seq <= last; seq++) {
              if (current.get(peer) !== subscription) return;
              const event = plan.shift() ?? 'none';
              if (event === 'drop') return peer.socket.terminate();
              if (event === 'restart') return peer.socket.close(1012, '{"retryAfterMs":1}');
              if (event === 'end') return peer.error('UNAVAILABLE', { channel: CHANNEL, retryAfterMs: 1 });
              if (event === 'repeat') send(peer, Math.max(1, seq - 1));
              if (event !== 'hole') send(peer, seq);
            }
          };
          const current = new WeakMap<Peer, number>();
          let subscriptions = 0;
          const client = await open(
            {
              SUB: (peer, message) => {
                if (plan[0] === 'UNAVAILABLE') {
                  plan.shift();
                  return peer.error('UNAVAILABLE', { channel: CHANNEL, retryAfterMs: 1 });
                }
                const subscription = ++subscriptions;
                current.set(peer, subscription);
                peer.subscribed(message, last);
                setImmediate(() => stream(peer, sinceOf(message) ?? 0, subscription));
              },
              UNSUB: (peer, { channels }) => {
                current.delete(peer);
                peer.send({ type: 'UNSUB_SUCCESS', channels });
              },
              // A hole at the very end shows only when something follows.
              PING: (peer) => {
                send(peer, last + 1);
                peer.send({ type: 'PONG' });
              },
            },
            { pingIntervalMs: 20, backoff: { minMs: 1, maxMs: 3 } },
          );
          const events = client.subscribe(CHANNEL, { since: 0, buffer });
          expect(seqs(await take(events, last))).toEqual(range(1, last));
          await client.close();
          await server.stop();
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);

  it('with filter and fields sends them again, and goes on from what the server has looked at', async () => {
    const client = await open(
      {
        SUB: (peer, message) => {
          peer.subscribed(message, 0);
          if (server.peers.length === 1) send(peer, 3, 9);
        },
        PING: (peer) => peer.send({ type: 'PONG', positions: { [CHANNEL]: 20, 'org:acme:other': 5 } }),
      },
      { pingIntervalMs: 15 },
    );
    const events = client.subscribe(CHANNEL, { since: 0, filter: 'decision == "deny"', fields: ['id', 'tool'] });
    const [first] = await take(events, 2);
    expect(first?.data.id).toBe('dec_3');
    // @ts-expect-error: was not asked for
    expect(first?.data.hash).toBeUndefined();
    await eventually(() => events.position === 20);
    server.peer.socket.terminate();
    await eventually(() => server.received('SUB').length === 2);
    expect(server.received('SUB')[1]).toEqual({
      type: 'SUB',
      channels: [CHANNEL],
      since: { [CHANNEL]: 20 },
      filter: 'decision == "deny"',
      fields: ['id', 'tool'],
    });
  });

  it('that is read slowly leaves the channel and comes back for the rest, while ACKs go on', async () => {
    const subscribed: number[] = [];
    const client = await open({
      SUB: (peer, message) => {
        const since = sinceOf(message) ?? 0;
        subscribed.push(since);
        peer.subscribed(message, 100);
        send(peer, ...range(since + 1, Math.min(since + 20, 100)));
      },
    });
    const events = client.subscribe(CHANNEL, { since: 0, buffer: 4 });
    await eventually(() => server.received('UNSUB').length === 1);
    await client.ingest({ direction: 'precheck', decision: 'allow' });
    expect(events.position).toBe(0);
    expect(seqs(await take(events, 10))).toEqual(range(1, 10));
    expect(subscribed.slice(0, 2)).toEqual([0, 4]);
  });

  it('tells what has been pruned as ResumeGapError, with what is still there', async () => {
    const client = await open({
      SUB: (peer, message) => {
        if (sinceOf(message) !== 0) return peer.subscribed(message, 60);
        peer.error('RESUME_GAP', { channel: CHANNEL, firstSeq: 51 });
        peer.send({ type: 'SUB_SUCCESS', channels: [], positions: {} });
      },
    });
    const events = client.subscribe(CHANNEL, { since: 0 });
    const gap = await events.next().catch((error: unknown) => error);
    expect(gap).toBeInstanceOf(ResumeGapError);
    expect(gap).toMatchObject({ code: 'RESUME_GAP', firstSeq: 51, channel: CHANNEL });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    await client.subscribe(CHANNEL, { since: (gap as ResumeGapError).firstSeq - 1 }).subscribed();
  });

  it('that is refused throws after what has come before; the others go on', async () => {
    const client = await open({
      SUB: (peer, message) => {
        peer.subscribed(message, 0);
        if ((message.channels as string[])[0] !== CHANNEL) return;
        send(peer, 1);
        peer.error('FORBIDDEN', { channel: CHANNEL });
      },
    });
    const other = client.subscribe('user:u-1:notifications');
    await other.subscribed();
    const events = client.subscribe(CHANNEL);
    await other.subscribed();
    expect(seqs(await take(events, 1))).toEqual([1]);
    await expect(events.next()).rejects.toMatchObject({ code: 'FORBIDDEN', channel: CHANNEL });
    server.peer.send({ type: 'NOTIFICATION', channel: 'user:u-1:notifications', seq: 1, data: { id: 'n-1' } });
    expect((await take(other, 1))[0]?.data.id).toBe('n-1');
  });

  it.each(['RATE_LIMITED', 'VALIDATION_FAILED'])('is told of %s that names no channel', async (code) => {
    let tries = 0;
    const client = await open({
      SUB: (peer, message) => (++tries === 1 ? peer.error(code, { retryAfterMs: 5 }) : peer.subscribed(message)),
    });
    const events = client.subscribe(CHANNEL);
    if (code === 'RATE_LIMITED') await events.subscribed();
    else await expect(events.subscribed()).rejects.toMatchObject({ code });
  });

  it('is one for each channel, and may end before it began', async () => {
    const client = await open();
    expect(() => [client.subscribe(CHANNEL, { since: 0 }), client.subscribe(CHANNEL)]).toThrow(
      expect.objectContaining({ code: 'CONFLICT', channel: CHANNEL }),
    );
    client.subscribe('org:acme:budget').close();
    const other = client.subscribe('org:acme:decisions:tool:web.*', { since: 0 });
    other.close();
    expect(await other.next()).toEqual({ done: true, value: undefined });
    await expect(other.subscribed()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('ends when the loop is left, and can be begun anew', async () => {
    const client = await open({
      SUB: (peer, message) => {
        peer.subscribed(message, 0);
        send(peer, ...range((sinceOf(message) ?? 0) + 1, 3));
      },
    });
    let position = 0;
    for await (const { seq } of client.subscribe(CHANNEL, { since: 0 })) {
      position = seq;
      if (seq === 2) break;
    }
    await eventually(() => server.received('UNSUB').length === 1);
    expect(seqs(await take(client.subscribe(CHANNEL, { since: position }), 1))).toEqual([3]);
  });

  it('ends by its signal with the reason', async () => {
    const client = await open();
    const controller = new AbortController();
    const events = client.subscribe(CHANNEL, { signal: controller.signal });
    const next = events.next();
    await events.subscribed();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await eventually(() => server.received('UNSUB').length === 1);
    expect(() => client.subscribe(CHANNEL, { signal: controller.signal })).toThrow('enough');
  });
});

describe('budgets', () => {
  const budget = (budgetId: string, version: number) => ({
    type: 'BUDGET_UPDATE',
    channel: 'org:acme:budget',
    data: { budgetId, version },
  });

  it('come as the latest state of each to who reads slowly, and never go back', async () => {
    const client = await open({
      SUB: (peer, message) => {
        peer.send({ type: 'SUB_SUCCESS', channels: message.channels, positions: {} });
        for (const [id, version] of [
          ['a', 1],
          ['b', 1],
          ['a', 3],
          ['a', 2],
        ] as const)
          peer.send(budget(id, version));
      },
    });
    const events = client.subscribe('org:acme:budget');
    await events.subscribed();
    await client.ingest({ direction: 'precheck', decision: 'allow' });
    expect((await take(events, 2)).map(({ data }) => [data.budgetId, data.version])).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
    const next = take(events, 1);
    server.peer.send(budget('a', 3));
    server.peer.send(budget('b', 2));
    expect((await next)[0]?.data).toEqual({ budgetId: 'b', version: 2 });
    expect(events.position).toBeNull();
  });
});
