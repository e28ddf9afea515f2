import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AuthenticationError, type Client, type ClientOptions, type ConnectionState, connect } from './index.ts';
import { eventually, type Script, ScriptedServer } from './testing/scripted-server.ts';

let server: ScriptedServer;
const clients: Client[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 1 })));
  await server?.stop();
});

async function start(script: Script = {}): Promise<ScriptedServer> {
  server = await ScriptedServer.start(script);
  return server;
}

/** A client whose pauses are short, and every state it was in. */
function open(options: Partial<ClientOptions> = {}) {
  const credential = 'token' in options || 'ticket' in options ? {} : { apiKey: 'gai_test' };
  const client = connect({
    url: server.url,
    backoff: { minMs: 5, maxMs: 20 },
    ...credential,
    ...options,
  } as ClientOptions);
  clients.push(client);
  const states: ConnectionState[] = [];
  client.onState((state) => states.push(state));
  return { client, states, names: () => states.map(({ state }) => state) };
}

/** A JWT that says only when it ends. */
const jwt = (seconds: number, name: string) => {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  return `e30.${Buffer.from(JSON.stringify({ exp, name })).toString('base64url')}.sig`;
};

describe('connecting', () => {
  it('authenticates by the first message and says whom it speaks for', async () => {
    await start();
    const { client, names } = open({ org: 'acme' });
    expect(await client.ready()).toEqual({ orgId: 'acme', userId: null });
    expect(server.peer.received).toEqual([{ type: 'AUTH', apiKey: 'gai_test' }]);
    expect(server.peer.url).toBe('/ws?org=acme');
    expect(server.peer.socket.protocol).toBe('governsai.v1');
    expect(names()).toEqual(['connecting', 'connected']);
  });

  it('shows a ticket in the URL, a new one each time, and is ready once the server has taken it', async () => {
    await start();
    let tickets = 0;
    const { client } = open({ ticket: () => `gat_${++tickets}` });
    expect(await client.ready()).toBeNull();
    server.peer.socket.close(1012);
    await eventually(() => server.peers.length === 2);
    expect(server.peers.map(({ url }) => url)).toEqual(['/ws?ticket=gat_1', '/ws?ticket=gat_2']);
  });

  it.each<[string, Partial<ClientOptions>]>([
    ['url', { url: 'nowhere' }],
    ['url', { url: 'ftp://host' }],
    ['apiKey', { apiKey: undefined } as never],
    ['apiKey', { token: 'x', apiKey: 'gai_x' } as never],
    ['pingIntervalMs', { pingIntervalMs: 0 }],
  ])('says which option cannot be used: %s', async (path, options) => {
    await start();
    expect(() => connect({ url: server.url, apiKey: 'gai_test', ...options } as ClientOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS', path }),
    );
  });

  it('keeps trying while nobody listens, and says why it is not connected', async () => {
    await start();
    const { port } = server;
    await server.stop();
    const { client, states } = open({ url: `ws://127.0.0.1:${port}` });
    await eventually(() => states.filter(({ state }) => state === 'reconnecting').length >= 2);
    expect(states.find(({ state }) => state === 'reconnecting')).toMatchObject({
      error: { code: 'CONNECTION_LOST', cause: { code: 'ECONNREFUSED' } },
      retryInMs: expect.any(Number),
    });
    server = await ScriptedServer.start({}, port);
    await client.ready();
  });

  it('waits as long as a refused upgrade asks for', async () => {
    await start();
    const http = createServer((_, response) => response.writeHead(503).end());
    http.on('upgrade', (_, socket) => {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n');
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { states } = open({ url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}` });
    await eventually(() => states.some(({ state }) => state === 'reconnecting'));
    const state = states.find(({ state: name }) => name === 'reconnecting') as { retryInMs: number; error: Error };
    expect(state.retryInMs).toBeGreaterThanOrEqual(7000);
    expect(state.error.message).toContain('503');
    await new Promise((resolve) => http.close(resolve));
  });

  it('does not wait for ever for an answer', async () => {
    await start({ AUTH: () => {} });
    const { names } = open({ connectTimeoutMs: 50 });
    await eventually(() => server.peers.length === 2);
    expect(names().slice(0, 3)).toEqual(['connecting', 'reconnecting', 'connecting']);
  });
});

describe('a connection that ends', () => {
  it('G9: comes back after the pause that 1012 asks for, with nothing but a reconnect to see', async () => {
    await start();
    const { client, states, names } = open();
    await client.ready();
    server.peer.socket.close(1012, JSON.stringify({ retryAfterMs: 120 }));
    await eventually(() => server.peers.length === 2);
    await eventually(() => names().at(-1) === 'connected');
    expect(names()).toEqual(['connecting', 'connected', 'reconnecting', 'connecting', 'connected']);
    const { retryInMs } = states[2] as { retryInMs: number };
    expect(retryInMs).toBeGreaterThanOrEqual(120);
    expect(retryInMs).toBeLessThanOrEqual(144);
  });

  it('is noticed when the server says nothing any more', async () => {
    await start({ PING: (peer) => (server.peers.length === 1 ? undefined : peer.send({ type: 'PONG' })) });
    const { client, states } = open({ pingIntervalMs: 20, pongTimeoutMs: 30 });
    await client.ready();
    await eventually(() => server.peers.length === 2);
    const lost = states.find(({ state }) => state === 'reconnecting') as { error: Error };
    expect(lost.error.message).toContain('no sign of life');
  });

  it.each([1001, 1006, 1011, 4408, 4429, 4430])('is made anew after %d', async (code) => {
    await start();
    const { client } = open();
    await client.ready();
    if (code === 1006) server.peer.socket.terminate();
    else server.peer.socket.close(code);
    await eventually(() => server.peers.length === 2);
  });

  it('by a message that is no JSON is made anew', async () => {
    await start();
    const { client } = open();
    await client.ready();
    server.peer.socket.send('{');
    await eventually(() => server.peers.length === 2);
  });
});

describe('a credential that is refused', () => {
  const refuse: Script = {
    AUTH: (peer) => {
      peer.error('AUTH_FAILED', { message: 'the key was revoked' });
      peer.socket.close(4401, 'AUTH_FAILED');
    },
  };

  it('G7: ends the client with AuthenticationError, and all that waits with it', async () => {
    await start(refuse);
    const { client, names } = open();
    const events = client.subscribe('org:acme:decisions');
    const sent = client.ingest({ direction: 'precheck', decision: 'allow' }, { idempotencyKey: 'k-1' });
    await expect(sent).rejects.toMatchObject({ name: 'AuthenticationError', code: 'AUTH_FAILED', id: 'k-1' });
    await expect(sent).rejects.toHaveProperty('cause', expect.any(AuthenticationError));
    await expect(events.next()).rejects.toThrow('the key was revoked');
    await expect(client.ready()).rejects.toBeInstanceOf(AuthenticationError);
    await expect(client.ingest({ direction: 'precheck', decision: 'allow' })).rejects.toMatchObject({
      code: 'AUTH_FAILED',
    });
    expect(names()).toEqual(['connecting', 'closed']);
    expect(server.peers).toHaveLength(1);
  });

  it('G7: on an open socket as well', async () => {
    await start();
    const { client, states } = open();
    await client.ready();
    server.peer.error('AUTH_FAILED');
    server.peer.socket.close(4401, 'AUTH_FAILED');
    await eventually(() => states.at(-1)?.state === 'closed');
    expect(states.at(-1)).toMatchObject({ error: { name: 'AuthenticationError', code: 'AUTH_FAILED' } });
  });

  it('is replaced by a new token, unless that is refused too', async () => {
    let good = 'none';
    await start({
      AUTH: (peer, { token }) => {
        if (token === good) peer.send({ type: 'AUTH_SUCCESS', orgId: 'acme', orgSlug: 'acme', userId: 'u-1' });
        else refuse.AUTH?.(peer, { type: 'AUTH' });
      },
    });
    const asked: string[] = [];
    const { client, names } = open({ token: async () => asked[asked.push(`t-${asked.length + 1}`) - 1] as string });
    good = 't-2';
    expect(await client.ready()).toEqual({ orgId: 'acme', userId: 'u-1' });
    good = 'another';
    server.peer.socket.close(4401, 'AUTH_FAILED');
    await eventually(() => names().at(-1) === 'closed');
    expect(asked).toEqual(['t-1', 't-2', 't-3']);
  });

  it('is told by a provider that has none any more', async () => {
    await start();
    const { client } = open({
      token: () => {
        throw new AuthenticationError('AUTH_FAILED', 'signed out');
      },
    });
    await expect(client.ready()).rejects.toThrow('signed out');
    expect(server.peers).toHaveLength(0);
  });
});

describe('tokens', () => {
  it('are renewed on the open socket before they expire', async () => {
    await start();
    let asked = 0;
    const { client, names } = open({ token: () => jwt(2, `t-${++asked}`), refreshBeforeMs: 1900 });
    await client.ready();
    await eventually(() => server.peer.of('AUTH').length === 3);
    expect(server.peers).toHaveLength(1);
    expect(new Set(server.peer.of('AUTH').map(({ token }) => token)).size).toBe(3);
    expect(names()).toEqual(['connecting', 'connected']);
  });

  it('say when they expire themselves, or beside', async () => {
    await start();
    const { client } = open({
      token: () => ({ token: 'opaque', expiresAt: new Date(Date.now() + 1000).toISOString() }),
      refreshBeforeMs: 950,
    });
    await client.ready();
    await eventually(() => server.peer.of('AUTH').length === 2);
  });

  it('are asked for again when the provider fails, and expiry is survived by a reconnect', async () => {
    await start();
    let asked = 0;
    const { client, names } = open({
      token: async () => {
        if (++asked === 2 || asked === 3) throw new Error('the identity provider is away');
        return jwt(3600, `t-${asked}`);
      },
      backoff: { minMs: 5, maxMs: 10 },
    });
    await client.ready();
    server.peer.error('AUTH_EXPIRED');
    server.peer.socket.close(4401, 'AUTH_EXPIRED');
    await eventually(() => names().filter((name) => name === 'connected').length === 2);
    expect(asked).toBe(4);
  });

  it('are shown again when the server cannot check one now', async () => {
    let tries = 0;
    await start({
      AUTH: (peer) => {
        if (++tries === 2) peer.error('UNAVAILABLE', { retryAfterMs: 10 });
        else peer.send({ type: 'AUTH_SUCCESS', orgId: 'acme', orgSlug: 'acme', userId: null });
      },
    });
    const { client, names } = open({ token: () => jwt(2, `t-${tries}`), refreshBeforeMs: 1900 });
    await client.ready();
    await eventually(() => tries >= 3);
    expect(names()).toEqual(['connecting', 'connected']);
  });
});

describe('ending', () => {
  it('an aborted client lets go at once, with the reason as the cause', async () => {
    await start({ INGEST: () => {} });
    const controller = new AbortController();
    const { client, names } = open({ signal: controller.signal });
    await client.ready();
    const sent = client.ingest({ direction: 'precheck', decision: 'allow' });
    const event = client.subscribe('org:acme:budget').next();
    controller.abort(new Error('enough'));
    await expect(sent).rejects.toMatchObject({ code: 'CLOSED', cause: { cause: { message: 'enough' } } });
    await expect(event).rejects.toThrow('enough');
    await eventually(() => names().at(-1) === 'closed');
  });

  it('a listener that throws harms nobody else', async () => {
    await start();
    const { client } = open();
    const thrown: unknown[] = [];
    const original = globalThis.queueMicrotask;
    globalThis.queueMicrotask = (task) => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    };
    const stop = client.onState(() => {
      throw new Error('not mine');
    });
    await client.ready();
    stop();
    globalThis.queueMicrotask = original;
    expect(thrown).toContainEqual(new Error('not mine'));
  });

  it('does not wait for a provider that says nothing', async () => {
    await start();
    const { client } = open({ token: () => new Promise<string>(() => {}) });
    await client.close();
    expect(client.state).toEqual({ state: 'closed', error: null });
  });

  it('closing twice waits for the same, also before anything was connected', async () => {
    await start();
    const { client, states } = open();
    await Promise.all([client.close(), client.close()]);
    expect(states.at(-1)).toEqual({ state: 'closed', error: null });
    await expect(client.ready()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => client.subscribe('org:acme:decisions')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});
