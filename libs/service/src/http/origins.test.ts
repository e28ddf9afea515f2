import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { allowOrigins } from './origins.ts';

const OURS = 'https://app.example';
let servers: Server[];
let listed: string;
let unlisted: string;

async function serve(allowed: readonly string[]): Promise<string> {
  const app = express()
    .use(allowOrigins(allowed))
    .get('/', (_req, res) => void res.end('data'));
  const server = createServer(app);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  servers = [];
  [listed, unlisted] = await Promise.all([serve([OURS]), serve([])]);
});
afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))));

const ask = (url: string, origin: string, init: RequestInit = {}) =>
  fetch(url, { ...init, headers: { origin, ...init.headers } });
const cors = (answer: Response) => [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'));
const PREFLIGHT = { method: 'OPTIONS', headers: { 'access-control-request-method': 'DELETE' } };

describe('a browser that asks for a page of another origin (CORS)', () => {
  it('is told that a page on the list may read the answer, without a word of cookies', async () => {
    const answer = await ask(listed, OURS);
    expect(answer.headers.get('access-control-allow-origin')).toBe(OURS);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('vary')).toMatch(/origin/i);
  });

  it('is told before a request what the page may send', async () => {
    const answer = await ask(listed, OURS, PREFLIGHT);
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-methods')).toContain('DELETE');
    expect(answer.headers.get('access-control-allow-headers')).toContain('authorization');
  });

  it.each([
    ['https://evil.example'],
    ['https://app.example.evil.example'],
    ['http://app.example'],
    ['https://app.example:8443'],
    ['null'],
  ])('is told nothing of a page of %s', async (origin) => {
    expect(cors(await ask(listed, origin))).toEqual([]);
    expect(cors(await ask(listed, origin, PREFLIGHT))).toEqual([]);
  });

  it('is told nothing of any page without a list', async () => {
    expect(cors(await ask(unlisted, OURS))).toEqual([]);
    expect(cors(await ask(unlisted, OURS, PREFLIGHT))).toEqual([]);
  });
});
