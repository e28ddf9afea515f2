import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type AccessChange, type Credential, TooManyConnections } from '@governsai/access';
import { AppError, DEFAULT_LIMITS, type Principal } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { createSocketServer, type SocketServer, type SocketServerOptions } from './server.ts';

const KEY = 'gai_test';

/** An access whose answers a test decides. */
class TestAccess {
  principals = new Map<string, Principal>([[KEY, principal()]]);
  failure: AppError | null = null;
  gate: Promise<void> = Promise.resolve();
  change: (change: AccessChange) => void = () => {};
  stale: () => void = () => {};
  lookups = 0;
  readonly ips: (string | null)[] = [];

  async verify(credential: Credential | null, org: string | null = null, ip: string | null = null): Promise<Principal> {
    this.lookups++;
    await this.gate;
    if (this.failure) throw this.failure;
    if (!credential) throw new AppError('AUTH_FAILED', 'none');
    this.ips.push(ip);
    const found = 'apiKey' in credential ? this.principals.get(credential.apiKey) : undefined;
    if (!found || (org !== null && found.orgId !== org)) throw new AppError('AUTH_FAILED', 'unknown');
    return found;
  }
  onChange(listener: (change: AccessChange) => void): void {
    this.change = listener;
  }
  onStale(listener: () => void): void {
    this.stale = listener;
  }
}

function principal(over: Partial<Principal> = {}): Principal {
  return {
    kind: 'apiKey',
    orgId: 'acme',
    userId: null,
    keyId: 'key-1',
    scopes: ['decisions:write'],
    expiresAt: null,
    ...over,
  };
}

class Client {
  readonly messages: Record<string, unknown>[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly ws: WebSocket;

  constructor(url: string, options: { protocols?: string[]; headers?: Record<string, string> } = {}) {
    this.ws = new WebSocket(url, options.protocols ?? [], { headers: options.headers ?? {} });
    this.ws.on('message', (data) => this.messages.push(JSON.parse(String(data))));
    this.closed = new Promise((resolve) =>
      this.ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    this.ws.on('error', () => {});
  }
  async open(): Promise<this> {
    await new Promise((resolve, reject) => this.ws.once('open', resolve).once('error', reject));
    return this;
  }
  send(message: object | string): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
  async until(count: number): Promise<Record<string, unknown>[]> {
    await eventually(() => this.messages.length >= count);
    return this.messages;
  }
}

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('did not happen within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let server: Server | undefined;
let sockets: SocketServer | undefined;

afterEach(async () => {
  await sockets?.drain(1);
  await new Promise((resolve) => server?.close(resolve));
});

async function start(over: Partial<SocketServerOptions> = {}) {
  const access = new TestAccess();
  const handled: unknown[] = [];
  server = createServer();
  sockets = createSocketServer({
    server,
    paths: ['/ws'],
    access,
    limits: DEFAULT_LIMITS,
    maxConnections: 100,
    log: createLogger('test', 'silent'),
    handlers: {
      ECHO: (connection, message) => {
        handled.push(message.value);
        connection.send({ type: 'ECHO', value: message.value, orgId: connection.principal.orgId });
      },
      FAIL: () => {
        throw new AppError('FORBIDDEN', 'not you');
      },
      CRASH: () => {
        throw new Error('secret detail');
      },
      SLOW: async (connection) => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        handled.push('slow');
        connection.send({ type: 'SLOW' });
      },
    },
    ...over,
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/ws`;
  return { access, handled, url, port, sockets, withKey: `${url}?key=${KEY}&org=acme` };
}

describe('authentication', () => {
  it('never speaks first, and answers AUTH with AUTH_SUCCESS as its first frame', async () => {
    const { withKey } = await start();
    const client = await new Client(withKey).open();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(client.messages).toEqual([]);
    client.send({ type: 'AUTH', apiKey: KEY });
    expect((await client.until(1))[0]).toMatchObject({
      type: 'AUTH_SUCCESS',
      orgId: 'acme',
      orgSlug: 'acme',
      userId: null,
      timestamp: expect.any(String),
    });
  });

  it.each([
    ['the URL', `?key=${KEY}&org=acme`, {}],
    ['the Authorization header', '', { headers: { authorization: `Bearer ${KEY}` } }],
    ['the sub-protocol', '', { protocols: ['governsai.v1', `bearer.${KEY}`] }],
  ])('takes a credential from %s', async (_place, query, options) => {
    const { url } = await start();
    const client = await new Client(url + query, options).open();
    client.send({ type: 'ECHO', value: 1 });
    expect(await client.until(1)).toEqual([{ type: 'ECHO', value: 1, orgId: 'acme' }]);
  });

  it('selects governsai.v1 and never the credential as the sub-protocol', async () => {
    const { url } = await start();
    const client = await new Client(url, { protocols: [`bearer.${KEY}`, 'governsai.v1'] }).open();
    expect(client.ws.protocol).toBe('governsai.v1');
  });

  it('says where the client is, at first and when asked again', async () => {
    const { access, withKey } = await start();
    await new Client(withKey).open();
    await eventually(() => access.ips.length === 1);
    access.change({ orgId: null, keyId: null });
    await eventually(() => access.ips.length === 2);
    expect(access.ips).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it.each([
    ['a bad key', '?key=gai_wrong'],
    ['the org of another', `?key=${KEY}&org=globex`],
  ])('accepts the upgrade with %s, says AUTH_FAILED and closes with 4401', async (_what, query) => {
    const { url } = await start();
    const client = new Client(url + query);
    expect((await client.closed).code).toBe(4401);
    expect(client.messages).toEqual([
      expect.objectContaining({ type: 'ERROR', code: 'AUTH_FAILED', error: 'AUTH_FAILED' }),
    ]);
  });

  it('refuses messages before AUTH', async () => {
    const { url, handled } = await start();
    const client = await new Client(url).open();
    client.send({ type: 'ECHO', value: 1 });
    client.send({ type: 'ECHO', value: 2 });
    expect((await client.closed).code).toBe(4401);
    expect(handled).toEqual([]);
    expect(client.messages).toHaveLength(1);
  });

  it('answers an AUTH without a credential and goes on', async () => {
    const { url } = await start();
    const client = await new Client(url).open();
    client.send({ type: 'AUTH' });
    client.send({ type: 'AUTH', apiKey: KEY });
    expect((await client.until(2)).map(({ code, type }) => code ?? type)).toEqual([
      'VALIDATION_FAILED',
      'AUTH_SUCCESS',
    ]);
  });

  it('refuses another identity on an open connection, which keeps its own', async () => {
    const { access, withKey } = await start();
    access.principals.set('gai_other', principal({ orgId: 'globex', keyId: 'key-2' }));
    const client = await new Client(withKey.replace('&org=acme', '')).open();
    client.send({ type: 'AUTH', apiKey: 'gai_other' });
    client.send({ type: 'ECHO', value: 1 });
    const [error, echo] = await client.until(2);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
    expect(echo).toMatchObject({ orgId: 'acme' });
  });

  it('closes with 4408 who does not authenticate in time, tries that fail included', async () => {
    const { url, withKey } = await start({ authDeadlineMs: 300 });
    const [silent, trying, known] = [new Client(url), await new Client(url).open(), await new Client(withKey).open()];
    trying.send({ type: 'AUTH' });
    expect((await silent.closed).code).toBe(4408);
    expect((await trying.closed).code).toBe(4408);
    expect(silent.messages).toEqual([]);
    known.send({ type: 'ECHO', value: 1 });
    expect(await known.until(1)).toMatchObject([{ type: 'ECHO' }]);
  });

  it('G8: says UNAVAILABLE and closes with 1012, never 4401, when the credential cannot be checked', async () => {
    const { access, withKey } = await start();
    access.failure = new AppError('UNAVAILABLE', 'auth is away', { retryAfterMs: 700 });
    const client = new Client(withKey);
    expect(await client.closed).toEqual({ code: 1012, reason: '{"retryAfterMs":700}' });
    expect(client.messages).toEqual([expect.objectContaining({ code: 'UNAVAILABLE', retryAfterMs: 700 })]);
  });
});

describe('messages', () => {
  it('keeps what arrives while the credential is verified and handles it in order', async () => {
    const { access, withKey } = await start();
    let open = () => {};
    access.gate = new Promise((resolve) => {
      open = resolve;
    });
    const client = await new Client(withKey).open();
    for (let i = 0; i < 500; i++) client.send({ type: 'ECHO', value: i });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.messages).toEqual([]);
    open();
    expect((await client.until(500)).map(({ value }) => value)).toEqual([...Array(500).keys()]);
  });

  it('handles the message of a client that sends and closes at once', async () => {
    const { access, withKey, handled } = await start();
    access.gate = new Promise((resolve) => setTimeout(resolve, 150));
    const client = await new Client(withKey).open();
    client.send({ type: 'ECHO', value: 'kept' });
    client.ws.close();
    await client.closed;
    await eventually(() => handled.length === 1);
  });

  it('handles the message of a client that sends and vanishes', async () => {
    const { access, withKey, handled } = await start();
    access.gate = new Promise((resolve) => setTimeout(resolve, 150));
    const client = await new Client(withKey).open();
    client.ws.send(JSON.stringify({ type: 'ECHO', value: 'kept' }), () => client.ws.terminate());
    await eventually(() => handled.length === 1);
  });

  it.each([
    ['no JSON', '{', 'VALIDATION_FAILED', undefined],
    ['no object', '[1]', 'VALIDATION_FAILED', undefined],
    ['no type', '{"a":1}', 'VALIDATION_FAILED', 'type'],
    ['U+0000', '{"type":"ECHO","value":{"a":"\\u0000"}}', 'VALIDATION_FAILED', 'value.a'],
    ['a lone surrogate', '{"type":"ECHO","value":["\\ud800"]}', 'VALIDATION_FAILED', 'value.0'],
    ['an unknown type', '{"type":"NOPE"}', 'UNKNOWN_TYPE', 'type'],
    ['the name of an inherited member', '{"type":"constructor"}', 'UNKNOWN_TYPE', 'type'],
  ])('G10: answers %s with a clear error and goes on', async (_what, text, code, path) => {
    const { withKey } = await start();
    const client = await new Client(withKey).open();
    client.send(text);
    client.send({ type: 'PING' });
    const [error, pong] = await client.until(2);
    expect(error).toMatchObject({ type: 'ERROR', code, ...(path && { path }) });
    expect(pong).toMatchObject({ type: 'PONG' });
  });

  it('names the idempotencyKey of a message that is refused', async () => {
    const { withKey } = await start();
    const client = await new Client(withKey).open();
    client.send({ type: 'FAIL', idempotencyKey: 'k1' });
    await client.until(1);
    client.send('{"type":"ECHO","idempotencyKey":"k2","value":"\\u0000"}');
    expect(await client.until(2)).toEqual([
      expect.objectContaining({ code: 'FORBIDDEN', id: 'k1' }),
      expect.objectContaining({ code: 'VALIDATION_FAILED', id: 'k2' }),
    ]);
  });

  it('tells nothing of an error it did not expect', async () => {
    const { withKey } = await start();
    const client = await new Client(withKey).open();
    client.send({ type: 'CRASH' });
    const [error] = await client.until(1);
    expect(error).toMatchObject({ code: 'INTERNAL' });
    expect(JSON.stringify(error)).not.toContain('secret detail');
  });

  it('refuses a message above 64 KiB and keeps the socket, closes with 1009 above 1 MiB', async () => {
    const { withKey } = await start();
    const client = await new Client(withKey).open();
    client.send({ type: 'ECHO', value: 'x'.repeat(64 * 1024) });
    client.send({ type: 'PING' });
    const [error, pong] = await client.until(2);
    expect(error).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(pong).toMatchObject({ type: 'PONG' });
    client.send({ type: 'ECHO', value: 'x'.repeat(1024 * 1024) });
    expect((await client.closed).code).toBe(1009);
  });

  it('refuses binary frames', async () => {
    const { withKey } = await start();
    const client = await new Client(withKey).open();
    client.ws.send(Buffer.from('{"type":"PING"}'));
    expect((await client.until(1))[0]).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('G10: outlives peers that break the WebSocket protocol', async () => {
    const { withKey, port } = await start();
    const raw = connect(port, '127.0.0.1');
    raw.on('error', () => {});
    raw.write(
      'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await new Promise((resolve) => raw.once('data', resolve));
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await new Promise((resolve) => raw.once('close', resolve));
    const client = await new Client(withKey).open();
    client.send({ type: 'PING' });
    await client.until(1);
  });

  it('writes what a socket is sent in one turn of the event loop in one go, in order', async () => {
    const { frameText } = await import('./frame.ts');
    const { withKey, sockets } = await start({
      handlers: {
        // To everybody, as a push is.
        BURST: () => {
          for (let i = 0; i < 10; i++) {
            for (const connection of sockets.connections) {
              if (i % 2 === 0) connection.send({ i });
              else connection.sendFramed(frameText(JSON.stringify({ i })));
            }
          }
        },
      },
    });
    const writes: number[] = [];
    server?.on('connection', (socket: Socket) => {
      const index = writes.push(0) - 1;
      const { _write, _writev } = socket;
      socket._write = (...args) => {
        writes[index]!++;
        _write.apply(socket, args);
      };
      socket._writev = (...args) => {
        writes[index]!++;
        _writev?.apply(socket, args);
      };
    });
    const clients = [await new Client(withKey).open(), await new Client(withKey).open()];
    const handshakes = [...writes];
    for (let burst = 1; burst <= 2; burst++) {
      clients[0]?.send({ type: 'BURST' });
      for (const client of clients) await client.until(10 * burst);
      expect(writes.map((count, i) => count - handshakes[i]!)).toEqual([burst, burst]);
    }
    const inOrder = Array.from({ length: 20 }, (_, i) => ({ i: i % 10 }));
    expect(clients.map(({ messages }) => messages)).toEqual([inOrder, inOrder]);
  });

  it('writes a message framed once to sockets with and without compression', async () => {
    const { frameText } = await import('./frame.ts');
    const framed = frameText('{"type":"PUSH"}');
    const { withKey } = await start({
      compression: true,
      handlers: { GET: (connection) => connection.sendFramed(framed) },
    });
    const compressed = await new Client(withKey).open();
    expect(compressed.ws.extensions).toBe('permessage-deflate');
    const plain = new WebSocket(withKey, { perMessageDeflate: false });
    await new Promise((resolve) => plain.once('open', resolve));
    const received = new Promise((resolve) => plain.once('message', (data) => resolve(String(data))));
    plain.send('{"type":"GET"}');
    compressed.send({ type: 'GET' });
    expect(await received).toBe('{"type":"PUSH"}');
    expect(await compressed.until(1)).toEqual([{ type: 'PUSH' }]);
    plain.close();
  });
});

describe('revocation', () => {
  it('G7: closes the sockets of a revoked key with 4401 and leaves the others alone', async () => {
    const { access, withKey, url } = await start();
    access.principals.set('gai_two', principal({ keyId: 'key-2' }));
    const revoked = await new Client(withKey).open();
    const other = await new Client(`${url}?key=gai_two`).open();
    revoked.send({ type: 'PING' });
    other.send({ type: 'PING' });
    await Promise.all([revoked.until(1), other.until(1)]);
    access.principals.delete(KEY);
    const lookups = access.lookups;
    access.change({ orgId: 'acme', keyId: 'key-1' });
    expect((await revoked.closed).code).toBe(4401);
    expect(revoked.messages.at(-1)).toMatchObject({ code: 'AUTH_FAILED' });
    expect(access.lookups).toBe(lookups + 1);
    other.send({ type: 'PING' });
    await other.until(2);
  });

  it('G7: closes a socket whose changed credential cannot be checked with 1012 within a second', async () => {
    const { access, withKey } = await start();
    const client = await new Client(withKey).open();
    client.send({ type: 'PING' });
    await client.until(1);
    access.failure = new AppError('UNAVAILABLE', 'auth is away');
    const changed = Date.now();
    access.change({ orgId: 'acme', keyId: null });
    expect((await client.closed).code).toBe(1012);
    expect(Date.now() - changed).toBeLessThan(1000);
  });

  it('G7: closes at the moment the credential expires', async () => {
    const { access, withKey } = await start();
    access.principals.set(KEY, principal({ expiresAt: new Date(Date.now() + 300).toISOString() }));
    const client = new Client(withKey);
    expect((await client.closed).code).toBe(4401);
    expect(client.messages).toEqual([expect.objectContaining({ code: 'AUTH_EXPIRED' })]);
  });

  it('G7: closes all sockets with 1012 when access has gone stale', async () => {
    const { access, withKey } = await start();
    const client = await new Client(withKey).open();
    access.stale();
    const { code, reason } = await client.closed;
    expect(code).toBe(1012);
    expect(JSON.parse(reason)).toEqual({ retryAfterMs: expect.any(Number) });
  });

  it('tells the service when the principal of a connection has changed', async () => {
    const scopes: string[][] = [];
    const { access, withKey } = await start({ onAuthenticated: (c) => scopes.push([...c.principal.scopes]) });
    await new Client(withKey).open();
    await eventually(() => scopes.length === 1);
    access.principals.set(KEY, principal({ scopes: [] }));
    access.change({ orgId: 'acme', keyId: 'key-1' });
    await eventually(() => scopes.length === 2);
    expect(scopes).toEqual([['decisions:write'], []]);
  });
});

describe('bounds', () => {
  it('closes a connection above the cap with 4429', async () => {
    const { withKey } = await start({ maxConnections: 1 });
    await new Client(withKey).open();
    expect((await new Client(withKey).closed).code).toBe(4429);
  });

  it('cuts off a peer that is gone without a word, and nobody who is only quiet', async () => {
    const { port, withKey } = await start({ heartbeatMs: 500 });
    const quiet = await new Client(withKey).open();
    let pings = 0;
    quiet.ws.on('ping', () => pings++);
    const dead = connect(port, '127.0.0.1');
    dead.on('error', () => {});
    const gone = new Promise((resolve) => dead.once('close', resolve));
    // Reads what comes, as a kernel does, and answers nothing more: what a half-open connection looks like.
    dead.resume();
    dead.write(
      `GET /ws?key=${KEY} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await gone;
    await eventually(() => pings >= 3);
    expect(quiet.ws.readyState).toBe(WebSocket.OPEN);
  });

  it('answers an upgrade of another path with 404', async () => {
    const { port } = await start();
    await expect(new Client(`ws://127.0.0.1:${port}/other`).open()).rejects.toThrow('404');
  });
});

describe('admission', () => {
  /** Lets in, or not, as a test decides. */
  class TestAdmission {
    upgrade: AppError | null = null;
    cap: AppError | null = null;
    rate: AppError | null = null;
    open_ = 0;
    readonly #access = new TestAccess();

    admitUpgrade(): void {
      if (this.upgrade) throw this.upgrade;
    }
    open() {
      if (this.cap && this.open_ > 0) throw this.cap;
      this.open_++;
      return {
        authenticate: (credential: Credential | null, org: string | null) => {
          if (this.cap) throw this.cap;
          return this.#access.verify(credential, org);
        },
        spend: () => {
          if (this.rate) throw this.rate;
        },
        close: () => {
          this.open_--;
        },
      };
    }
  }
  const limited = () => new AppError('RATE_LIMITED', 'slow down', { retryAfterMs: 1500 });

  it('answers the upgrade of an address that comes too often with 429, of a page that may not with 403', async () => {
    const admission = new TestAdmission();
    const { withKey } = await start({ admission });
    admission.upgrade = limited();
    await expect(new Client(withKey).open()).rejects.toThrow('429');
    admission.upgrade = new AppError('FORBIDDEN', 'no');
    await expect(new Client(withKey).open()).rejects.toThrow('403');
  });

  it('closes a connection above a cap of its credential with 4429, and says why', async () => {
    const admission = new TestAdmission();
    const { withKey } = await start({ admission });
    admission.cap = new TooManyConnections('key');
    const client = new Client(withKey);
    expect((await client.closed).code).toBe(4429);
    expect(client.messages).toEqual([
      expect.objectContaining({ code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) }),
    ]);
    await eventually(() => admission.open_ === 0);
  });

  it('closes a connection above the cap of its address with 4429', async () => {
    const admission = new TestAdmission();
    const { withKey } = await start({ admission });
    const first = await new Client(withKey).open();
    admission.cap = new TooManyConnections('address');
    expect((await new Client(withKey).closed).code).toBe(4429);
    first.ws.close();
    await eventually(() => admission.open_ === 0);
  });

  it('answers a message too many with RATE_LIMITED and its id; the socket stays', async () => {
    const admission = new TestAdmission();
    const { withKey, handled } = await start({ admission });
    const client = await new Client(withKey).open();
    admission.rate = limited();
    client.send({ type: 'ECHO', value: 1, idempotencyKey: 'k-1' });
    const [refused] = await client.until(1);
    expect(refused).toMatchObject({ type: 'ERROR', code: 'RATE_LIMITED', id: 'k-1', retryAfterMs: 1500 });
    admission.rate = null;
    client.send({ type: 'ECHO', value: 2 });
    await client.until(2);
    expect(handled).toEqual([2]);
  });
});

describe('drain', () => {
  it('G9: lets handlers finish, answers them, closes with 1012 and a retry hint, takes nobody new', async () => {
    const { withKey, sockets, handled } = await start();
    const client = await new Client(withKey).open();
    client.send({ type: 'SLOW' });
    client.send({ type: 'PING' });
    await client.until(1);
    const drained = sockets.drain(5);
    await expect(new Client(withKey).open()).rejects.toThrow('503');
    const { code, reason } = await client.closed;
    expect(code).toBe(1012);
    expect(JSON.parse(reason).retryAfterMs).toBeGreaterThan(0);
    expect(client.messages.map(({ type }) => type)).toEqual(['PONG', 'SLOW']);
    await drained;
    expect(handled).toEqual(['slow']);
  });

  it('G9: waits for the handlers of clients that have gone', async () => {
    const { withKey, sockets, handled } = await start();
    const client = await new Client(withKey).open();
    client.send({ type: 'SLOW' });
    client.ws.close();
    await client.closed;
    await sockets.drain(5);
    expect(handled).toEqual(['slow']);
  });

  it('cuts off what is left when the time is over', async () => {
    const never = new Promise<void>(() => {});
    const { withKey, sockets } = await start({ handlers: { HANG: () => never } });
    const client = await new Client(withKey).open();
    client.send({ type: 'HANG' });
    client.send({ type: 'PING' });
    await client.until(1);
    await sockets.drain(0.3);
    expect((await client.closed).code).toBe(1006);
  });
});
