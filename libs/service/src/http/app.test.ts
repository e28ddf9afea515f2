import { connect } from 'node:net';
import { AppError, defineRoute, type Principal, problem } from '@governsai/contracts';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Health } from '../health.ts';
import { createLogger } from '../logger.ts';
import { createHttpApp, type HttpApp } from './app.ts';

const base = { owner: 'auth', summary: 'A route of this test.' } as const;
const echo = defineRoute({
  ...base,
  name: 'echo',
  method: 'post',
  path: '/v1/echo',
  auth: 'none',
  body: z.object({ word: z.string() }),
  status: 202,
  response: z.object({ word: z.string() }),
});
const getThing = defineRoute({
  ...base,
  name: 'getThing',
  method: 'get',
  path: '/v1/orgs/:org/things/:id',
  auth: { scope: 'decisions:read' },
  params: z.object({ org: z.string().max(5, 'must have at most 5 characters'), id: z.string() }),
  query: z.object({ limit: z.coerce.number().int().max(10).default(5) }),
  response: z.object({ id: z.string(), limit: z.number(), who: z.string().nullable() }),
});
const putThing = defineRoute({
  ...base,
  name: 'putThing',
  method: 'put',
  path: '/v1/orgs/:org/things/:id',
  auth: 'internal',
  params: z.object({ org: z.string(), id: z.string() }),
  status: 204,
  response: z.undefined(),
});
const fail = defineRoute({
  ...base,
  name: 'fail',
  method: 'get',
  path: '/v1/fail/:how',
  auth: 'none',
  params: z.object({ how: z.string() }),
  response: z.object({}),
});
const slow = defineRoute({
  ...base,
  name: 'slow',
  method: 'get',
  path: '/v1/slow',
  auth: 'none',
  response: z.object({ done: z.boolean() }),
});

const stream = defineRoute({
  name: 'stream',
  method: 'get',
  path: '/v1/orgs/:org/stream',
  owner: 'auth',
  summary: '',
  auth: { scope: 'decisions:read', ticket: true },
  params: z.object({ org: z.string() }),
  mediaType: 'text/event-stream',
  response: z.string(),
});
const principal: Principal = {
  kind: 'apiKey',
  orgId: 'acme',
  userId: 'ann',
  keyId: 'k',
  scopes: ['decisions:read'],
  expiresAt: null,
};
const log = createLogger('test', 'silent');

let app: HttpApp;
let health: Health;
let url: string;
let finishSlow: () => void;

beforeEach(async () => {
  health = new Health({ service: 'auth', intervalMs: 5000, log });
  app = createHttpApp({
    service: 'auth',
    log,
    health,
    internalToken: 'sixteen-characters',
    maxBodyBytes: 100,
    closeDeadlineMs: 2000,
    async authenticate(req, _res, ticket) {
      if (ticket && req.url?.endsWith('?ticket=good')) return principal;
      if (req.headers.authorization !== 'Bearer good') throw new AppError('AUTH_FAILED', 'no');
      return principal;
    },
    authorize({ orgId, scopes }, org, scope) {
      if (orgId !== org || !scopes.includes(scope)) throw new AppError('FORBIDDEN', 'no');
    },
  });
  app.mount(echo, async ({ body }) => ({ word: body.word }));
  app.mount(getThing, async ({ params, query, principal: who }) => ({
    id: params.id,
    limit: query.limit,
    who: who?.userId ?? null,
  }));
  app.mount(putThing, async () => undefined);
  app.mount(fail, async ({ params }) => {
    if (params.how === 'known') throw new AppError('RATE_LIMITED', 'slow down', { retryAfterMs: 1500, path: 'data.x' });
    throw new Error('a secret detail');
  });
  app.mount(stream, async ({ res }) => {
    res.writeHead(200, { 'content-type': stream.mediaType }).write(': begun\n\n');
    return undefined;
  });
  app.mount(
    slow,
    () =>
      new Promise((resolve) => {
        finishSlow = () => resolve({ done: true });
      }),
  );
  const server = await app.listen(0, '127.0.0.1');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterEach(() => app.close());

const send = (path: string, init: RequestInit = {}) => fetch(url + path, init);
const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  send('/v1/echo', { method: 'POST', body, headers });
async function refusal(answer: Response) {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const body = problem.parse(await answer.json());
  expect(body.status).toBe(answer.status);
  expect(body.requestId).toBe(answer.headers.get('x-request-id'));
  return body;
}

describe('a mounted route', () => {
  it('answers its status with what the handler returns', async () => {
    const answer = await post('{"word":"hi"}');
    expect(answer.status).toBe(202);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await answer.json()).toEqual({ word: 'hi' });
  });

  it('reads path and query by its schemas, and says which part is wrong', async () => {
    const headers = { authorization: 'Bearer good' };
    expect(await (await send('/v1/orgs/acme/things/7?limit=9', { headers })).json()).toEqual({
      id: '7',
      limit: 9,
      who: 'ann',
    });
    expect(await refusal(await send('/v1/orgs/acme/things/7?limit=11', { headers }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'query.limit',
    });
    expect(await refusal(await send('/v1/orgs/toolong/things/7', { headers }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'path.org',
    });
    expect(await refusal(await send('/v1/orgs/%ff/things/7', { headers }))).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });

  it('G10: answers a bad body with the field, and a body that is no JSON with a hint', async () => {
    expect(await refusal(await post('{"word":1}'))).toMatchObject({
      status: 400,
      code: 'VALIDATION_FAILED',
      path: 'word',
    });
    expect(await refusal(await post('{"word":'))).toMatchObject({
      code: 'VALIDATION_FAILED',
      detail: expect.stringContaining('JSON'),
    });
    expect(await refusal(await post('7'))).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await refusal(await send('/v1/echo', { method: 'POST' }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      detail: expect.stringContaining('missing'),
    });
    expect(await refusal(await post('word=hi', { 'content-type': 'text/plain' }))).toMatchObject({
      detail: expect.stringContaining('content-type'),
    });
  });

  it('refuses a body over the limit, whether its length is told or not', async () => {
    const long = JSON.stringify({ word: 'x'.repeat(200) });
    expect(await refusal(await post(long))).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
    const stream = new Blob([long]).stream();
    const headers = { 'content-type': 'application/json' };
    const streamed = await send('/v1/echo', { method: 'POST', body: stream, headers, duplex: 'half' } as RequestInit);
    expect(await refusal(streamed)).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
  });

  it('answers a known error as it is, and tells when to retry', async () => {
    const answer = await send('/v1/fail/known');
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await refusal(answer)).toMatchObject({
      status: 429,
      code: 'RATE_LIMITED',
      retryAfterMs: 1500,
      path: 'data.x',
    });
  });

  it('answers an unknown error without a word of it', async () => {
    const body = await refusal(await send('/v1/fail/unknown'));
    expect(body).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(JSON.stringify(body)).not.toContain('secret detail');
  });
});

describe('the guard', () => {
  it('G6: wants a credential with the scope, in the org of the path', async () => {
    const headers = { authorization: 'Bearer good' };
    const nobody = await send('/v1/orgs/acme/things/7');
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer');
    expect(await refusal(nobody)).toMatchObject({ status: 401, code: 'AUTH_FAILED' });
    expect(await refusal(await send('/v1/orgs/other/things/7', { headers }))).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
    });
    expect((await send('/v1/orgs/acme/things/7', { headers })).status).toBe(200);
  });

  it('lets a ticket in where the route says so, and nowhere else', async () => {
    const answer = await send('/v1/orgs/acme/stream?ticket=good');
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    expect(await refusal(await send('/v1/orgs/acme/things/7?ticket=good'))).toMatchObject({ code: 'AUTH_FAILED' });
  });

  it('lets only a service with the token into an internal route', async () => {
    const put = (headers: Record<string, string>) => send('/v1/orgs/acme/things/7', { method: 'PUT', headers });
    expect(await refusal(await put({}))).toMatchObject({ code: 'AUTH_FAILED' });
    expect(await refusal(await put({ 'x-internal-token': 'wrong', authorization: 'Bearer good' }))).toMatchObject({
      code: 'AUTH_FAILED',
    });
    expect((await put({ 'x-internal-token': 'sixteen-characters' })).status).toBe(204);
  });

  it('is missed when the service starts, not when the first request comes', () => {
    const bare = createHttpApp({ service: 'auth', log, health });
    expect(() => bare.mount(getThing, async () => undefined)).toThrow('authenticate');
    expect(() => bare.mount(putThing, async () => undefined)).toThrow('internalToken');
  });
});

describe('a path that is not served', () => {
  it('is NOT_FOUND', async () => {
    expect(await refusal(await send('/nowhere'))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  it('with another method is METHOD_NOT_ALLOWED and names the methods it takes', async () => {
    const answer = await send('/v1/orgs/acme/things/7', { method: 'DELETE' });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, PUT');
    expect(await refusal(answer)).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect((await send('/readyz', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('the request id', () => {
  it('is the one that was sent when it is harmless, else a new one', async () => {
    const idOf = async (id: string) =>
      (await send('/livez', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idOf('req-001')).toBe('req-001');
    expect(await idOf('a b')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf('x'.repeat(129))).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the probes', () => {
  it('tell alive, started and ready apart', async () => {
    const statuses = async () =>
      Promise.all(['/livez', '/startupz', '/readyz'].map(async (path) => (await send(path)).status));
    expect(await statuses()).toEqual([200, 503, 503]);
    health.started();
    expect(await statuses()).toEqual([200, 200, 200]);
    health.report('kafka', new Error('away'));
    expect(await statuses()).toEqual([200, 200, 200]);
    expect(await (await send('/readyz')).json()).toMatchObject({
      status: 'degraded',
      dependencies: [{ name: 'kafka', up: false }],
    });
    health.draining();
    expect(await statuses()).toEqual([200, 200, 503]);
  });
});

describe('the metrics', () => {
  it('count requests by the path as mounted, not as asked for', async () => {
    await send('/v1/orgs/acme/things/metered', { headers: { authorization: 'Bearer good' } });
    await send('/nowhere/metered');
    const text = await (await send('/metrics')).text();
    expect(text).toMatch(
      /governsai_http_requests_total\{[^}]*method="GET",route="\/v1\/orgs\/:org\/things\/:id",status="200"/,
    );
    expect(text).toMatch(/governsai_http_request_duration_seconds_count\{[^}]*route="unmatched"/);
    expect(text).not.toContain('metered');
  });
});

describe('the metrics of a stream', () => {
  it('count it as answered when it begins, however and whenever it ends', async () => {
    const answer = await send('/v1/orgs/acme/stream?ticket=good');
    await answer.body?.getReader().read();
    await answer.body?.cancel().catch(() => {});
    const pattern = /governsai_http_requests_total\{[^}]*route="\/v1\/orgs\/:org\/stream",status="(\d+)"/;
    let found: RegExpExecArray | null = null;
    while (!found) found = pattern.exec(await (await send('/metrics')).text());
    expect(found[1]).toBe('200');
  });
});

describe('closing', () => {
  it('G9: lets a request in flight finish, closes idle connections, and accepts no more', async () => {
    const idle = connect(Number(new URL(url).port), '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    const answer = send('/v1/slow');
    while (finishSlow === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const closed = app.close();
    await expect(send('/livez')).rejects.toThrow();
    finishSlow();
    expect(await (await answer).json()).toEqual({ done: true });
    await Promise.all([closed, idleClosed]);
  });
});
