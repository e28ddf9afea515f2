import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { ServiceName } from '@governsai/contracts';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import WebSocket, { WebSocketServer } from 'ws';
import { createEdge, type Edge } from './edge.ts';
import { freePorts, HOST } from './ports.ts';

/** Replicas by service, each a real server that says who it is and what it got. */
let replicas: Partial<Record<ServiceName, string[]>>;
let servers: Server[];
let edge: Edge;
let edgeUrl: string;

beforeEach(async () => {
  replicas = {};
  servers = [];
  edge = createEdge({ upstreams: (service) => replicas[service] ?? [] });
  const { port } = await freePorts(['port']);
  await edge.listen(port, HOST);
  edgeUrl = `http://${HOST}:${port}`;
});
afterEach(async () => {
  await edge.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function replica(service: ServiceName, name: string = service, answer = echo): Promise<Server> {
  const server = createServer((req, res) => void answer(name, req, res));
  servers.push(server);
  server.listen(0, HOST);
  await once(server, 'listening');
  const url = `http://${HOST}:${(server.address() as AddressInfo).port}`;
  replicas[service] = [...(replicas[service] ?? []), url];
  return server;
}

async function echo(name: string, req: IncomingMessage, res: import('node:http').ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  res.setHeader('content-type', 'application/json');
  res.end(
    JSON.stringify({
      name,
      url: req.url,
      method: req.method,
      headers: req.headers,
      body: String(Buffer.concat(chunks)),
    }),
  );
}

async function get(path: string, init: RequestInit = {}) {
  const response = await fetch(edgeUrl + path, init);
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe('the edge over HTTP', () => {
  it.each<[string, ServiceName]>([
    ['/v1/decisions', 'ingest-gateway'],
    ['/v1/orgs/acme/decisions?limit=2&tool=a%2Fb', 'decision-writer'],
    ['/v1/orgs/acme/decisions/stream', 'push-gateway'],
    ['/v1/orgs/acme/budgets/b1', 'budget-tracker'],
    ['/v1/orgs/acme/keys', 'auth'],
    ['/v1/health', 'auth'],
  ])('hands %s to %s as it is', async (path, service) => {
    await replica(service);
    const { status, body } = await get(path, { method: 'POST', body: '{"a":1}' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: service, url: path, method: 'POST', body: '{"a":1}' });
  });

  it.each(['/', '/metrics', '/readyz', '/internal/verify', '/v1/orgs/x/../../../internal/verify', '//evil/v1/health'])(
    'answers %s with the problem 404',
    async (path) => {
      await replica('auth');
      const { port } = new URL(edgeUrl);
      // fetch would resolve the dots before it asks.
      const asked = request({ host: HOST, port, path }).end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(404);
      expect(response.headers['content-type']).toBe('application/problem+json');
      const chunks = await response.toArray();
      expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({
        type: 'about:blank',
        status: 404,
        code: 'NOT_FOUND',
        requestId: response.headers['x-request-id'],
      });
    },
  );

  it('tells the service who asked, and lets no client say so itself or speak as a service', async () => {
    await replica('auth');
    const forged = {
      'x-forwarded-for': '10.0.0.1',
      'x-real-ip': '10.0.0.1',
      'x-internal-token': 'guess',
      'x-request-id': 'r-1',
    };
    const { body } = await get('/v1/health', { headers: forged });
    expect(body.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-request-id': 'r-1',
    });
    expect(body.headers).not.toHaveProperty('x-internal-token');
    expect(body.headers).not.toHaveProperty('x-real-ip');
  });

  it('passes on who asked a proxy in front, if that proxy is trusted', async () => {
    await replica('auth');
    const forwarded = { 'x-forwarded-for': '203.0.113.9, 198.51.100.1', 'x-forwarded-proto': 'https' };
    const behind = async (trustedProxies: string[]) => {
      await edge.close();
      edge = createEdge({ upstreams: (service) => replicas[service] ?? [], trustedProxies });
      await edge.listen(Number(new URL(edgeUrl).port), HOST);
      return (await get('/v1/health', { headers: forwarded })).body.headers;
    };
    expect(await behind(['127.0.0.0/8'])).toMatchObject({
      'x-forwarded-for': '203.0.113.9, 198.51.100.1, 127.0.0.1',
      'x-forwarded-proto': 'https',
    });
    expect(await behind(['10.0.0.0/8'])).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    });
  });

  it('uses the replicas in turn and passes over one that does not listen', async () => {
    const first = await replica('auth', 'first');
    await replica('auth', 'second');
    const names = async () => [(await get('/v1/health')).body.name, (await get('/v1/health')).body.name].sort();
    expect(await names()).toEqual(['first', 'second']);
    first.closeAllConnections();
    first.close();
    expect(await names()).toEqual(['second', 'second']);
  });

  it('answers 503 with a time to wait when no replica can be reached', async () => {
    replicas.auth = [`http://${HOST}:${(await freePorts(['port'])).port}`];
    for (const upstreams of [replicas.auth, []]) {
      replicas.auth = upstreams;
      const { status, headers, body } = await get('/v1/health', { method: 'POST', body: 'x' });
      expect(status).toBe(503);
      expect(headers.get('retry-after')).toBe('1');
      expect(body).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 1000 });
    }
  });

  it('answers 502 when a service breaks off before it answers', async () => {
    await replica('auth', 'auth', async (_name, req) => void req.socket.destroy());
    const { status, body } = await get('/v1/health');
    expect(status).toBe(502);
    expect(body).toMatchObject({ status: 502, code: 'UNAVAILABLE' });
  });

  it('breaks off an answer that the service broke off, so that it does not look whole', async () => {
    await replica('auth', 'auth', async (_name, req, res) => {
      res.write('{"half":');
      setTimeout(() => req.socket.destroy(), 50);
    });
    const response = await fetch(`${edgeUrl}/v1/health`);
    await expect(response.text()).rejects.toThrow();
  });
});

describe('an edge between services', () => {
  it('passes on the token they show each other', async () => {
    await replica('auth');
    const { port } = await freePorts(['port']);
    const internal = createEdge({ serviceOf: () => 'auth', upstreams: () => replicas.auth ?? [], internal: true });
    await internal.listen(port, HOST);
    try {
      const response = await fetch(`http://${HOST}:${port}/internal/verify`, {
        headers: { 'x-internal-token': 'ours' },
      });
      expect(await response.json()).toMatchObject({ url: '/internal/verify', headers: { 'x-internal-token': 'ours' } });
    } finally {
      await internal.close();
    }
  });
});

describe('the edge over WebSocket', () => {
  it.each<[string, ServiceName]>([
    ['/ws?org=acme&key=gai_x', 'push-gateway'],
    ['/ws/ingest', 'ingest-gateway'],
  ])('joins %s with %s', async (path, service) => {
    const asked: IncomingMessage[] = [];
    new WebSocketServer({ server: await replica(service) }).on('connection', (socket, req) => {
      asked.push(req);
      socket.on('message', (data) => socket.send(`got ${String(data)}`));
    });
    const client = new WebSocket(edgeUrl.replace('http', 'ws') + path);
    await once(client, 'open');
    client.send('hello');
    const [answer] = await once(client, 'message');
    expect(String(answer)).toBe('got hello');
    expect(asked[0]?.url).toBe(path);
    expect(asked[0]?.headers['x-forwarded-for']).toBe('127.0.0.1');
    client.close(1000, 'bye');
    await once(client, 'close');
  });

  it('hands on everything a client sent before it left without a word', async () => {
    const received: string[] = [];
    const sockets = new WebSocketServer({ server: await replica('push-gateway') });
    const left = new Promise((resolve) =>
      sockets.on('connection', (socket) => {
        socket.on('message', (data) => received.push(String(data)));
        socket.on('close', resolve);
      }),
    );
    const client = new WebSocket(`${edgeUrl.replace('http', 'ws')}/ws`);
    await once(client, 'open');
    for (let i = 0; i < 100; i++) client.send(`message ${i}`);
    client.terminate();
    await left;
    expect(received.length).toBe(100);
  });

  it('lets a client of HTTP/1.0 leave out its Host', async () => {
    const server = await replica('push-gateway');
    server.on('upgrade', (_req, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'));
    const client = connect(Number(new URL(edgeUrl).port), HOST);
    client.write('GET /ws HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    const [answer] = await once(client, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 101/);
    client.destroy();
  });

  it('tells the client the code with which the service closes', async () => {
    new WebSocketServer({ server: await replica('push-gateway') }).on('connection', (socket) =>
      socket.close(4401, 'no'),
    );
    const client = new WebSocket(`${edgeUrl.replace('http', 'ws')}/ws`);
    const [code, reason] = await once(client, 'close');
    expect([code, String(reason)]).toEqual([4401, 'no']);
  });

  it('passes on a refusal of the service', async () => {
    const server = await replica('push-gateway');
    server.on('upgrade', (_req, socket) =>
      socket.end('HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'),
    );
    const client = new WebSocket(`${edgeUrl.replace('http', 'ws')}/ws`);
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(426);
    expect(Buffer.concat(await response.toArray()).toString()).toBe('no');
  });

  it.each([
    ['/elsewhere', 404],
    ['/ws', 503],
  ])('refuses %s with %i when nobody is there', async (path, status) => {
    const client = new WebSocket(edgeUrl.replace('http', 'ws') + path);
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toBe('application/problem+json');
  });

  it('lets go of the service when the client was gone before the answer', async () => {
    const server = await replica('push-gateway');
    const ended = new Promise((resolve) =>
      server.on('upgrade', (_req, socket) => {
        socket.on('end', () => resolve(socket.end())).resume();
        setTimeout(
          () => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
          100,
        );
      }),
    );
    const client = connect(Number(new URL(edgeUrl).port), HOST);
    client.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await once(server, 'upgrade');
    client.destroy();
    await ended;
  });
});
