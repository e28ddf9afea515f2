import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Client, type ClientOptions, QueueFullError } from './index.ts';
import { openScripted } from './testing/scripted-client.ts';
import { eventually, type Message, type Script, type ScriptedServer } from './testing/scripted-server.ts';

const DECISION = { direction: 'precheck', decision: 'allow' } as const;

let server: ScriptedServer;

async function open(script: Script = {}, options: Partial<ClientOptions> = {}): Promise<Client> {
  const opened = await openScripted(script, { backoff: { minMs: 5, maxMs: 20 }, ...options });
  server = opened.server;
  return opened.client;
}

const keysOf = (messages: Message[]) => messages.map(({ idempotencyKey }) => idempotencyKey);
/** So that a promise which is awaited later is no unhandled rejection. */
const later = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {});
  return promise;
};

describe('ingest', () => {
  it('resolves with the ACK, and is sent though given before there was a connection', async () => {
    const client = await open();
    const ack = await client.ingest({ ...DECISION, tool: 'web.fetch' }, { idempotencyKey: 'k-1', trace: true });
    expect(ack).toEqual({
      id: 'k-1',
      decisionId: 'dec_k-1',
      dedup: false,
      schema: 'decision.v1',
      timestamp: expect.any(String),
    });
    expect(server.received('INGEST')).toEqual([
      {
        type: 'INGEST',
        schema: 'decision.v1',
        idempotencyKey: 'k-1',
        data: { ...DECISION, tool: 'web.fetch' },
        trace: true,
      },
    ]);
  });

  it('makes a key of its own for each, and reads what it is given at once', async () => {
    const client = await open();
    const decision: { direction: 'precheck'; decision: 'allow'; tool: string } = { ...DECISION, tool: 'a' };
    const first = client.ingest(decision);
    decision.tool = 'b';
    const acks = await Promise.all([first, client.ingest(decision)]);
    expect(server.received('INGEST').map(({ data }) => (data as typeof decision).tool)).toEqual(['a', 'b']);
    expect(acks[0]?.id).toMatch(/^[0-9a-f]{32}$/);
    expect(acks[0]?.id).not.toBe(acks[1]?.id);
  });

  it('G1 G2: sends what was not acknowledged again after a break, with the same keys and in order', async () => {
    const client = await open({ INGEST: () => {} });
    const sent = ['a', 'b', 'c'].map((idempotencyKey) => client.ingest(DECISION, { idempotencyKey }));
    await eventually(() => server.received('INGEST').length === 3);
    server.peer.ack({ type: 'INGEST', idempotencyKey: 'b' });
    await sent[1];
    server.script.INGEST = (peer, message) => peer.ack(message);
    server.peer.socket.terminate();
    await Promise.all(sent);
    expect(keysOf(server.peer.of('INGEST'))).toEqual(['a', 'c']);
  });

  it('G1: gives every message its one answer, whatever breaks in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('ack', 'silent', 'drop', 'ack then drop', 'RATE_LIMITED', 'UNAVAILABLE', 'INTERNAL'), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 12 }),
        async (script, count) => {
          const plan = [...script];
          const acked = new Map<unknown, number>();
          const client = await open(
            {
              INGEST: (peer, message) => {
                const step = plan.shift() ?? 'ack';
                const { idempotencyKey: id } = message;
                if (step.startsWith('ack')) {
                  acked.set(id, (acked.get(id) ?? 0) + 1);
                  peer.ack(message);
                }
                if (step === 'silent') setTimeout(() => peer.socket.terminate(), 5);
                if (step === 'drop') peer.socket.terminate();
                if (step === 'ack then drop') peer.socket.close(1012, '{"retryAfterMs":1}');
                if (step === step.toUpperCase()) peer.error(step, { id, retryAfterMs: 1 });
              },
            },
            { maxInFlight: 3, backoff: { minMs: 1, maxMs: 3 } },
          );
          const keys = Array.from({ length: count }, (_, i) => `k-${i}`);
          const results = await Promise.allSettled(
            keys.map((idempotencyKey) => client.ingest(DECISION, { idempotencyKey })),
          );
          results.forEach((result, i) => {
            // The server that fails on the same message five times is believed.
            if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'INTERNAL', id: keys[i] });
            else expect(acked.get(keys[i])).toBeGreaterThanOrEqual(1);
          });
          await client.close();
          await server.stop();
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(['RATE_LIMITED', 'UNAVAILABLE'])('waits as long as %s asks for, and then succeeds', async (code) => {
    const times: number[] = [];
    const client = await open({
      INGEST: (peer, message) => {
        times.push(performance.now());
        if (times.length === 1) peer.error(code, { id: message.idempotencyKey, retryAfterMs: 80 });
        else peer.ack(message);
      },
    });
    await client.ingest(DECISION);
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(79);
  });

  it('G10: rejects with what the server says of a message, its key and the field, and goes on', async () => {
    const client = await open({
      INGEST: (peer, message) => {
        const id = message.idempotencyKey;
        if (id === 'bad') peer.error('VALIDATION_FAILED', { id, path: 'data.decision' });
        else peer.ack(message);
      },
    });
    const bad = later(client.ingest({ ...DECISION, decision: 'perhaps' as 'allow' }, { idempotencyKey: 'bad' }));
    await expect(bad).rejects.toMatchObject({
      name: 'GovernsaiError',
      code: 'VALIDATION_FAILED',
      path: 'data.decision',
      id: 'bad',
      message: 'told VALIDATION_FAILED',
    });
    await client.ingest(DECISION);
  });

  it('sends no more at once than it may', async () => {
    const client = await open({ INGEST: () => {} }, { maxInFlight: 2 });
    const sent = ['a', 'b', 'c'].map((idempotencyKey) => later(client.ingest(DECISION, { idempotencyKey })));
    await eventually(() => server.received('INGEST').length === 2);
    server.peer.ack({ type: 'INGEST', idempotencyKey: 'a' });
    await sent[0];
    await eventually(() => server.received('INGEST').length === 3);
  });

  it('refuses a key that the server could not name, and a message that it would not take, without sending them', async () => {
    const client = await open();
    for (const idempotencyKey of ['', 'k'.repeat(257), '\ud800', 'a\0']) {
      await expect(client.ingest(DECISION, { idempotencyKey })).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        path: 'idempotencyKey',
      });
    }
    await expect(client.ingest({ ...DECISION, scope: 'é'.repeat(40_000) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    await client.ingest(DECISION);
    expect(server.received('INGEST')).toHaveLength(1);
  });

  it.each([
    ['an ERROR without a name', (peer: ScriptedServer['peer']) => peer.error('PAYLOAD_TOO_LARGE')],
    ['close 1009', (peer: ScriptedServer['peer']) => peer.socket.close(1009)],
  ])('takes the largest message for the one that is too large: %s', async (_, tell) => {
    const client = await open({
      INGEST: (peer, message) => {
        const { scope } = message.data as { scope?: string };
        if (scope) tell(peer);
        else peer.ack(message);
      },
    });
    const big = later(client.ingest({ ...DECISION, scope: 'x'.repeat(1000) }));
    await Promise.all([client.ingest(DECISION), client.ingest(DECISION)]);
    await expect(big).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it('a key that is under way means the same message, and no other', async () => {
    const client = await open();
    const idempotencyKey = 'once';
    const first = client.ingest(DECISION, { idempotencyKey });
    const same = client.ingest(DECISION, { idempotencyKey });
    await expect(client.ingest({ ...DECISION, decision: 'deny' }, { idempotencyKey })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      id: 'once',
    });
    expect(await first).toEqual(await same);
    expect(server.received('INGEST')).toHaveLength(1);
  });

  it('takes any object for a tool call', async () => {
    const client = await open();
    await client.ingest({ name: 'web.fetch', arguments: {} }, { schema: 'toolcall.v1' });
    expect(server.received('INGEST')[0]).toMatchObject({ schema: 'toolcall.v1', data: { name: 'web.fetch' } });
  });
});

describe('the local queue', () => {
  it('rejects when it is full, saying how full', async () => {
    const client = await open({ INGEST: () => {} }, { maxQueuedMessages: 2 });
    void later(client.ingest(DECISION));
    void later(client.ingest(DECISION));
    const refused = client.ingest(DECISION);
    await expect(refused).rejects.toBeInstanceOf(QueueFullError);
    await expect(refused).rejects.toThrow('2 messages of');
  });

  it('is bounded in bytes too', async () => {
    const client = await open({ INGEST: () => {} }, { maxQueuedBytes: 1500 });
    void later(client.ingest({ ...DECISION, scope: 'x'.repeat(1000) }));
    await expect(client.ingest({ ...DECISION, scope: 'x'.repeat(1000) })).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  });

  it('lets callers wait in order instead, until they are tired of it', async () => {
    const client = await open({ INGEST: () => {} }, { maxQueuedMessages: 1, whenFull: 'wait' });
    const first = client.ingest(DECISION, { idempotencyKey: 'a' });
    const controller = new AbortController();
    const tired = later(client.ingest(DECISION, { idempotencyKey: 'b', signal: controller.signal }));
    const second = client.ingest(DECISION, { idempotencyKey: 'c' });
    await eventually(() => server.received('INGEST').length === 1);
    controller.abort(new Error('tired'));
    await expect(tired).rejects.toThrow('tired');
    server.script.INGEST = (peer, message) => peer.ack(message);
    server.peer.ack({ type: 'INGEST', idempotencyKey: 'a' });
    await Promise.all([first, second]);
    expect(keysOf(server.received('INGEST'))).toEqual(['a', 'c']);
  });

  it('gives the place of an aborted message to the next', async () => {
    const client = await open(
      { INGEST: (peer, message) => message.idempotencyKey !== 'a' && peer.ack(message) },
      {
        maxQueuedMessages: 1,
      },
    );
    const controller = new AbortController();
    const aborted = later(client.ingest(DECISION, { idempotencyKey: 'a', signal: controller.signal }));
    const waiting = client.ingest(DECISION, { idempotencyKey: 'b', whenFull: 'wait' });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect((await waiting).id).toBe('b');
    await expect(client.ingest(DECISION, { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('close', () => {
  it('waits for what has no answer yet, and takes nothing more', async () => {
    const client = await open({ INGEST: (peer, message) => setTimeout(() => peer.ack(message), 50) });
    const sent = client.ingest(DECISION);
    const closed = client.close();
    await expect(client.ingest(DECISION)).rejects.toMatchObject({ code: 'CLOSED' });
    await closed;
    expect(await sent).toMatchObject({ dedup: false });
  });

  it('gives up at its deadline: what has no answer rejects with its key, to be sent again', async () => {
    const client = await open({ INGEST: () => {} });
    const sent = later(client.ingest(DECISION, { idempotencyKey: 'k-1' }));
    await eventually(() => server.received('INGEST').length === 1);
    await client.close({ timeoutMs: 30 });
    await expect(sent).rejects.toMatchObject({ code: 'CLOSED', id: 'k-1' });
  });
});

describe('holds', () => {
  const hold = { id: 'hld_1', status: 'settled' };
  const script: Script = {
    HOLD: (peer, { idempotencyKey: id }) => peer.send({ type: 'HOLD_RESULT', id, holdId: 'hld_1', allowed: true }),
    SETTLE: (peer, { holdId: id }) => peer.send({ type: 'HOLD_STATE', id, hold }),
    RELEASE: (peer, { holdId: id }) => peer.error('HOLD_CLOSED', { id }),
  };

  it('are asked for, settled and released by their ids', async () => {
    const client = await open(script);
    const answer = await client.hold({ amount: '0.50', tool: 'llm' }, { idempotencyKey: 'h-1' });
    expect(answer).toMatchObject({ holdId: 'hld_1', allowed: true });
    expect(server.received('HOLD')).toEqual([{ type: 'HOLD', amount: '0.50', tool: 'llm', idempotencyKey: 'h-1' }]);
    expect(await client.settle('hld_1', { amount: '0.42' })).toEqual(hold);
    expect(server.received('SETTLE')).toEqual([{ type: 'SETTLE', holdId: 'hld_1', amount: '0.42' }]);
    await expect(client.release('hld_1')).rejects.toMatchObject({ code: 'HOLD_CLOSED', id: 'hld_1' });
    await expect(client.release('')).rejects.toMatchObject({ code: 'VALIDATION_FAILED', path: 'holdId' });
  });
});
