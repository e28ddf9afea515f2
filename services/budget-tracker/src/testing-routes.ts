import type { AddressInfo } from 'node:net';
import { authorize } from '@governsai/access';
import { INTERNAL_TOKEN_HEADER, type Principal, SCOPES, type Scope } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { createHttpApp, createLogger, Health } from '@governsai/service';
import { HoldDesk } from './holds/desk.ts';
import { mountRoutes } from './http.ts';
import { Definitions } from './store/definitions.ts';
import { AddressPolicy } from './webhooks/address-policy.ts';

const INTERNAL_TOKEN = 'internal-token-for-tests';

/** All routes of this service on a port of their own, as one caller sees them. */
export interface TestRoutes {
  /** What the caller may do; all, until it is changed. */
  scopes: Scope[];
  /** How often something was said to wait in the outbox. */
  woken: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: any; text: string }>;
  close(): Promise<void>;
}

/** Serves the routes to an API key of `orgId`. Webhooks may be on 127.0.0.1. */
export async function serveRoutes(db: Database, orgId: string, maxBudgets = 1000): Promise<TestRoutes> {
  const log = createLogger('budget-tracker', 'silent');
  const health = new Health({ service: 'budget-tracker', intervalMs: 1000, log });
  const principal = (): Principal => ({
    kind: 'apiKey',
    orgId,
    userId: null,
    keyId: 'key-1',
    scopes: routes.scopes,
    expiresAt: null,
  });
  const app = createHttpApp({
    service: 'budget-tracker',
    log,
    health,
    authenticate: async () => principal(),
    authorize,
    internalToken: INTERNAL_TOKEN,
  });
  const wake = () => {
    routes.woken += 1;
  };
  const desk = new HoldDesk({ db, definitions: new Definitions(), onOutage: 'closed', log, wake });
  const policy = new AddressPolicy(['127.0.0.1']);
  mountRoutes(app, { db, desk, log, maxBudgets, policy, wake });
  const server = await app.listen(0, '127.0.0.1');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const routes: TestRoutes = {
    scopes: [...SCOPES],
    woken: 0,
    async call(method, path, body) {
      const headers = { 'content-type': 'application/json', [INTERNAL_TOKEN_HEADER]: INTERNAL_TOKEN };
      const response = await fetch(base + path, {
        method,
        headers: body === undefined ? {} : headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, body: isJson ? JSON.parse(text) : null, text };
    },
    close: () => app.close(),
  };
  return routes;
}
