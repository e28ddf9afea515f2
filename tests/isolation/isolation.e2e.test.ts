import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CHANNEL_SCOPES } from '@governsai/access';
import { type ClientMessageType, channelName, type HttpRoute, ROUTES, SCOPES, type Scope } from '@governsai/contracts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Stack, startStack } from '../../tools/src/stack.ts';
import { type Frame, SocketClient } from '../e2e/socket-client.ts';
import {
  ALLOWED,
  AUDITED,
  BODIES,
  CHANNELS,
  CREDENTIAL_ROUTES,
  ENDS_ITS_ORG,
  MESSAGES,
  RESOURCES,
  SUB_RESOURCES,
} from './samples.ts';
import { COMMUTER, INTERNAL_TOKEN, JWT_SECRET, ORGS, ownerOf, World } from './world.ts';

// Every HTTP route, every message and every channel, each asked for by whoever must not have it and by who may: generated
// from the contracts, so that what is added there is tried here.

const SETTINGS = {
  INTERNAL_TOKEN,
  // Hundreds of sign-ins from one address.
  LOGIN_ADDRESS_PER_MINUTE: '10000',
  LOGIN_ACCOUNT_PER_MINUTE: '10000',
};
const { own, other, suspended } = ORGS;

let stack: Stack;
let world: World;
let rows = 0;

beforeAll(async () => {
  const env = { ...SETTINGS };
  stack = await startStack({
    dir: join(import.meta.dirname, '../../.test', `isolation-${process.pid}`),
    temporary: true,
    env: {
      auth: { ...env, JWT_SECRET },
      'ingest-gateway': env,
      'decision-writer': env,
      'budget-tracker': env,
      'push-gateway': env,
    },
  });
  world = await World.create(stack);
  await world.join();
}, 240_000);

afterAll(async () => {
  process.stdout.write(`isolation matrix: ${rows} rows\n`);
  await world?.close();
  await stack?.stop();
}, 60_000);

/** One row: what is tried, and what must come of it. */
async function row(what: string, tried: Promise<unknown>, expected: unknown): Promise<void> {
  rows++;
  // The row's name is part of what is compared, so that a failure says which one it is.
  expect({ what, outcome: await tried }).toEqual({ what, outcome: expected });
}

interface Outcome {
  status: number;
  code?: string;
}

interface Request {
  /** Whose things the path names; the org's own unless given. */
  ids?: string;
  /** True: things made for this request alone, which may change or end them. */
  fresh?: boolean;
  headers?: Record<string, string>;
  base?: string;
}

async function outcome(route: HttpRoute, org: string, as: string | undefined, request: Request = {}): Promise<Outcome> {
  const { ids = org, fresh = false, headers, base } = request;
  const path = await pathOf(route, org, (segment, make) => (fresh ? make() : once(`${ids} ${segment}`, make)), ids);
  const body = await BODIES[route.name]?.(world, org);
  const { status, body: answer } = await world.call(route.method.toUpperCase(), path, {
    ...(as !== undefined && { as }),
    body,
    ...(headers && { headers }),
    ...(base !== undefined && { base }),
  });
  return status < 400 ? { status } : { status, code: answer?.code };
}

/** Things that only refused requests name: nothing happens to them. */
const named = new Map<string, Promise<string>>();
function once(what: string, make: () => Promise<string>): Promise<string> {
  const known = named.get(what) ?? make();
  named.set(what, known);
  return known;
}

type Provide = (segment: string, make: () => Promise<string>) => Promise<string>;

/** The path of a route in an org, naming things of the org `ids`. */
async function pathOf(route: HttpRoute, org: string, provide: Provide, ids: string): Promise<string> {
  let path = route.path.replace(':org', org);
  for (const [segment, make] of Object.entries(RESOURCES)) {
    if (!path.includes(segment)) continue;
    const id = await provide(segment, () => make(world, ids));
    path = path.replace(segment, segment.replace(/:\w+/, encodeURIComponent(id)));
    for (const [below, makeBelow] of Object.entries(SUB_RESOURCES)) {
      if (!path.includes(below)) continue;
      const idBelow = await provide(below, () => makeBelow(world, ids, id));
      path = path.replace(below, below.replace(/:\w+/, idBelow));
    }
  }
  return path;
}

const failed: Outcome = { status: 401, code: 'AUTH_FAILED' };
const expired: Outcome = { status: 401, code: 'AUTH_EXPIRED' };
const forbidden: Outcome = { status: 403, code: 'FORBIDDEN' };

/** The rows of credentials that are none, or are none any more. */
async function refusedCredentials(route: HttpRoute, org: string): Promise<void> {
  const mistyped = (await world.key(org, SCOPES)).replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  await row('no credential', outcome(route, org, undefined), failed);
  await row('a made-up key', outcome(route, org, 'gai_made_up'), failed);
  await row('a mistyped key', outcome(route, org, mistyped), failed);
  await row('a made-up token', outcome(route, org, 'e30.e30.x'), failed);
  await row('an expired key', outcome(route, org, await world.key(org, SCOPES, 'expired')), expired);
  await row('an expired session', outcome(route, org, world.token(org, ownerOf(org), -3600)), expired);
  await row('a revoked key', outcome(route, org, await world.key(org, SCOPES, 'revoked')), failed);
  await row('a rotated-out key', outcome(route, org, await world.key(org, SCOPES, 'rotated-out')), expired);
  await row('a session that was logged out', outcome(route, org, await world.endedSession(org, ownerOf(org))), failed);
  await row('the session of no member', outcome(route, org, world.token(org, ownerOf(other))), failed);
  await row('a key of a suspended org', outcome(route, org, await world.key(suspended, SCOPES)), failed);
  await row('a session of a suspended org', outcome(route, org, world.token(suspended, ownerOf(suspended))), failed);
}

const scoped = ROUTES.filter(
  (route): route is HttpRoute & { auth: { scope: Scope } } => typeof route.auth === 'object',
);
const byName = <Route extends HttpRoute>(routes: readonly Route[]) =>
  routes.map((route) => [route.name, route] as const);

describe('G6: a route that needs a scope', () => {
  it.each(byName(scoped))(
    '%s',
    async (name, route) => {
      const { scope } = route.auth;
      const org = ENDS_ITS_ORG.includes(name) ? world.unique('iso-own') : own;
      if (org !== own) await world.addOrg(org);
      await refusedCredentials(route, org);
      await row('a key of another org', outcome(route, org, await world.key(other, SCOPES)), forbidden);
      await row('a session of another org', outcome(route, org, world.token(other, ownerOf(other))), forbidden);
      await row('a member of both, in the other', outcome(route, org, world.token(other, COMMUTER)), forbidden);
      const without = SCOPES.filter((each) => each !== scope);
      await row('all scopes but the one', outcome(route, org, await world.key(org, without)), forbidden);
      await row('no scope at all', outcome(route, org, await world.key(org, [])), forbidden);
      const viewer = await RESOURCES['/members/:userId']?.(world, org);
      const personal = await world.key(org, SCOPES, 'good', viewer ?? null);
      const ofViewer: readonly Scope[] = ['decisions:read', 'budget:read', 'notifications:read'];
      if (!ofViewer.includes(scope))
        await row('a viewer’s key with all scopes', outcome(route, org, personal), forbidden);
      const allowed = async () => (await ALLOWED[name]?.(world, org)) ?? world.key(org, [scope]);
      if (/:(?!org\b)\w/.test(route.path)) {
        const foreign = await outcome(route, org, await allowed(), { ids: other });
        await row('a thing of another org, in the own', Promise.resolve(foreign), { status: 404, code: 'NOT_FOUND' });
      }
      await row('the scope, and no other', outcome(route, org, await allowed(), { fresh: true }), {
        status: route.status,
      });
    },
    120_000,
  );
});

describe('G6: a route for any credential', () => {
  it.each(byName(ROUTES.filter((route) => route.auth === 'credential')))(
    '%s',
    async (name, route) => {
      await refusedCredentials(route, own);
      const refused = await CREDENTIAL_ROUTES[name]?.(world, own);
      if (refused !== undefined) await row('a credential that is not enough', outcome(route, own, refused), forbidden);
      const allowed = (await ALLOWED[name]?.(world, own)) ?? (await world.key(own, []));
      await row('a credential', outcome(route, own, allowed), { status: route.status });
    },
    120_000,
  );
});

describe('G6: a route for anybody', () => {
  it.each(byName(ROUTES.filter((route) => route.auth === 'none')))('%s', async (_name, route) => {
    await row('nobody', outcome(route, own, undefined), { status: route.status });
  });
});

describe('G6: a route between services', () => {
  it.each(byName(ROUTES.filter((route) => route.auth === 'internal')))('%s', async (_name, route) => {
    const base = stack.service(route.owner).replicas[0]?.url ?? '';
    const admin = await world.key(own, SCOPES);
    await row('nobody', outcome(route, own, undefined, { base }), failed);
    await row('a key with all scopes', outcome(route, own, admin, { base }), failed);
    await row('a wrong token', outcome(route, own, undefined, { base, headers: { 'x-internal-token': 'x' } }), failed);
    const headers = { 'x-internal-token': INTERNAL_TOKEN };
    await row('the edge, with the token', outcome(route, own, undefined, { headers }), {
      status: 404,
      code: 'NOT_FOUND',
    });
    await row('a service', outcome(route, own, undefined, { base, headers }), { status: route.status });
  });
});

const PATHS = ['/ws', '/ws/ingest'] as const;

async function connect(path: string, query = ''): Promise<SocketClient> {
  return SocketClient.open(`${stack.wsUrl.replace(/\/ws$/, path)}${query}`);
}

/** What a connection is told first, and how it is closed. */
async function ending(client: SocketClient): Promise<{ code: unknown; close: number }> {
  const { code: close } = await client.closed;
  return { code: client.frames[0]?.code ?? client.frames[0]?.type ?? null, close };
}

async function answerTo(client: SocketClient, message: object): Promise<Frame> {
  return client.ask(message, (frame) => !['DECISION', 'BUDGET_UPDATE', 'NOTIFICATION'].includes(frame.type));
}

/** Credentials that are refused, with what they are told. */
async function badCredentials(): Promise<[string, string, string][]> {
  return [
    ['a made-up key', 'gai_made_up', 'AUTH_FAILED'],
    ['an expired key', await world.key(own, SCOPES, 'expired'), 'AUTH_EXPIRED'],
    ['a revoked key', await world.key(own, SCOPES, 'revoked'), 'AUTH_FAILED'],
    ['a rotated-out key', await world.key(own, SCOPES, 'rotated-out'), 'AUTH_EXPIRED'],
    ['a session that was logged out', await world.endedSession(own, ownerOf(own)), 'AUTH_FAILED'],
    ['a key of a suspended org', await world.key(suspended, SCOPES), 'AUTH_FAILED'],
    ['an expired session', world.token(own, ownerOf(own), -3600), 'AUTH_EXPIRED'],
    ['a session of a suspended org', world.token(suspended, ownerOf(suspended)), 'AUTH_FAILED'],
  ];
}

describe.each(PATHS)('G6: %s', (path) => {
  it('AUTH', async () => {
    for (const [what, credential, code] of await badCredentials()) {
      const asKey = credential.startsWith('gai_');
      const client = await connect(path);
      client.send({ type: 'AUTH', ...(asKey ? { apiKey: credential } : { token: credential }) });
      await row(`AUTH with ${what}`, ending(client), { code, close: 4401 });
      const atOnce = await connect(path, `?key=${credential}`);
      await row(`the URL with ${what}`, ending(atOnce), { code, close: 4401 });
    }
    const foreign = await connect(path, `?key=${await world.key(other, SCOPES)}&org=${own}`);
    await row('a key of another org than the URL names', ending(foreign), { code: 'AUTH_FAILED', close: 4401 });
    const good = await connect(path);
    const answer = await answerTo(good, { type: 'AUTH', apiKey: await world.key(own, []) });
    await row('AUTH with a key', Promise.resolve({ type: answer.type, orgId: answer.orgId }), {
      type: 'AUTH_SUCCESS',
      orgId: own,
    });
    const again = await answerTo(good, { type: 'AUTH', apiKey: await world.key(other, SCOPES) });
    await row('AUTH again as somebody else', Promise.resolve(again.code), 'FORBIDDEN');
    good.close();
  }, 60_000);

  it.each(Object.keys(MESSAGES) as Exclude<ClientMessageType, 'AUTH'>[])(
    '%s',
    async (type) => {
      const { scope, message, answer, everywhere = false } = MESSAGES[type];
      const send = { type, ...message(own) };
      const silent = await connect(path);
      silent.send(send);
      await row(`${type} of nobody`, ending(silent), { code: 'AUTH_FAILED', close: 4401 });
      for (const [what, credential, code] of await badCredentials()) {
        const client = await connect(path, `?key=${credential}`);
        client.send(send);
        await row(`${type} with ${what}`, ending(client), { code, close: 4401 });
      }
      const told = async (scopes: readonly Scope[], org: string, what: object) => {
        const client = await connect(path, `?key=${await world.key(org, scopes)}`);
        const { type: said, code } = await answerTo(client, what);
        client.close();
        return said === 'ERROR' ? code : said;
      };
      const asked = await told(SCOPES, own, { type, ...message(own) });
      if (!everywhere && asked === 'UNKNOWN_TYPE') {
        await row(`${type} is taken from nobody here`, Promise.resolve(asked), 'UNKNOWN_TYPE');
        return;
      }
      if (scope !== null) {
        const refused = await told(
          SCOPES.filter((each) => each !== scope),
          own,
          send,
        );
        await row(`${type} without its scope`, Promise.resolve(refused), 'FORBIDDEN');
        const foreign = await told(SCOPES, other, send);
        // What names no org is of the connection's own.
        if (JSON.stringify(send).includes(own))
          await row(`${type} into another org`, Promise.resolve(foreign), 'FORBIDDEN');
      }
      const allowed = await told(scope === null ? [] : [scope], own, { type, ...message(own) });
      await row(`${type} with its scope`, Promise.resolve(allowed), answer);
    },
    60_000,
  );
});

describe('G6: a channel', () => {
  it.each(Object.keys(CHANNEL_SCOPES) as (keyof typeof CHANNELS)[])(
    '%s',
    async (kind) => {
      const scope = CHANNEL_SCOPES[kind];
      const name = (org: string, userId = ownerOf(org)) => channelName(CHANNELS[kind](org, userId));
      /** What subscribing to channels is answered: the refused ones, and the rest. */
      const subscribe = async (credential: string, ...channels: string[]) => {
        const client = await connect('/ws', credential.startsWith('gai_') ? `?key=${credential}` : '');
        if (!credential.startsWith('gai_')) await client.ask({ type: 'AUTH', token: credential }, 'AUTH_SUCCESS');
        const done = await client.ask({ type: 'SUB', channels }, 'SUB_SUCCESS');
        client.close();
        const errors = client.frames.filter((frame) => frame.type === 'ERROR');
        return { refused: errors.map((frame) => [frame.code, frame.channel]), subscribed: done.channels };
      };
      const mine = name(own);
      const refused = (channel: string) => ({ refused: [['FORBIDDEN', channel]], subscribed: [] });
      const owner = ownerOf(own);
      await row('of the own org, with the scope', subscribe(await world.key(own, [scope], 'good', owner), mine), {
        refused: [],
        subscribed: [mine],
      });
      await row('by a session of its person', subscribe(world.token(own, owner), mine), {
        refused: [],
        subscribed: [mine],
      });
      const without = SCOPES.filter((each) => each !== scope);
      await row('without the scope', subscribe(await world.key(own, without, 'good', owner), mine), refused(mine));
      const theirs = name(other);
      await row('of another org', subscribe(await world.key(own, SCOPES, 'good', owner), theirs), refused(theirs));
      await row('of another org, by a session', subscribe(world.token(own, owner), theirs), refused(theirs));
      await row('both: one is refused, the other is not', subscribe(world.token(own, owner), theirs, mine), {
        refused: [['FORBIDDEN', theirs]],
        subscribed: [mine],
      });
      const commuting = name(other, COMMUTER);
      if (kind !== 'notifications') {
        await row(
          'of the other org of a member of both',
          subscribe(world.token(own, COMMUTER), commuting),
          refused(commuting),
        );
        return;
      }
      const colleague = name(own, COMMUTER);
      await row('of a colleague', subscribe(world.token(own, owner), colleague), refused(colleague));
      await row('of a person, by a key of none', subscribe(await world.key(own, SCOPES), mine), refused(mine));
      await row(
        'of a user of another org, by an admin',
        subscribe(await world.key(own, SCOPES), theirs),
        refused(theirs),
      );
    },
    60_000,
  );
});

describe('when all of this was tried, the audit log', () => {
  it('holds every change, export and verification', async () => {
    const wanted = Object.values(AUDITED).sort();
    const missing = async () => {
      const rows = await world.db.system.query<{ action: string }>(
        `SELECT DISTINCT action FROM audit_logs WHERE result = 'ok' AND (actor->>'userId' IS NOT NULL
           OR actor->>'keyId' IS NOT NULL OR action IN ('session.begin', 'invitation.accept'))`,
      );
      return wanted.filter((action) => !rows.some((row) => row.action === action));
    };
    // It comes over Kafka.
    for (let left = 300; left > 0 && (await missing()).length > 0; left--) await delay(100);
    expect(await missing()).toEqual([]);
  }, 60_000);
});
