import { createHash } from 'node:crypto';
import { newApiKey, newOrgSecret } from '@governsai/access';
import { SCOPES, type Scope } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import jwt from 'jsonwebtoken';
import type { Stack } from '../../tools/src/stack.ts';
import { SocketClient } from '../e2e/socket-client.ts';

/** The org that is asked, another one, and one that is suspended. Each has a person who owns it. */
export const ORGS = { own: 'iso-own', other: 'iso-other', suspended: 'iso-suspended' } as const;
/** A person of both orgs: what she may do in one is nothing to the other. */
export const COMMUTER = 'iso-commuter';
export const JWT_SECRET = 'the secret of the isolation matrix, 32 characters';
export const INTERNAL_TOKEN = 'the token of the isolation matrix';

/** Somebody of the own org who signs in by password. */
export const JOINED = { email: 'joined@iso-own.example', password: 'a password for the matrix' } as const;

export const ownerOf = (org: string) => `${org}-owner`;

/** A whole system with orgs whose credentials are known: what the rows of the matrix are tried on. */
export class World {
  readonly stack: Stack;
  readonly db: Database;
  #made = 0;

  private constructor(stack: Stack) {
    this.stack = stack;
    const url = stack.databaseUrl;
    // A machine that is busy is no failure.
    this.db = createDatabase({ url, poolSize: 4, applicationName: 'isolation', connectTimeoutMs: 60_000 });
  }

  static async create(stack: Stack): Promise<World> {
    const world = new World(stack);
    for (const org of Object.values(ORGS)) await world.addOrg(org);
    await world.addPerson(COMMUTER, 'iso-commuter@example.com');
    for (const org of [ORGS.own, ORGS.other]) await world.addMember(org, COMMUTER, 'owner');
    await world.db.system.execute('UPDATE organizations SET suspended_at = now() WHERE id = $1', [ORGS.suspended]);
    return world;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    return this.db.close();
  }

  /** Opens a connection of an org that stays; returns its id. */
  async connection(org: string): Promise<string> {
    const key = await this.key(org, ['org:admin']);
    const socket = await SocketClient.open(`${this.stack.wsUrl}?key=${key}`);
    this.#sockets.push(socket);
    await socket.ask({ type: 'PING' }, 'PONG');
    const { body } = await this.call('GET', `/v1/orgs/${org}/connections?limit=1000`, { as: key });
    return body.items.at(-1).id;
  }
  readonly #sockets: SocketClient[] = [];

  /** A name that was not used before. */
  unique(prefix: string): string {
    return `${prefix}-${++this.#made}`;
  }

  async addOrg(org: string): Promise<void> {
    await this.db.system.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]);
    await this.addPerson(ownerOf(org), `owner@${org}.example`);
    await this.addMember(org, ownerOf(org), 'owner');
  }

  /** Makes the person of {@link JOINED}, as an invitation makes one. */
  async join(): Promise<void> {
    const token = await this.invitation(ORGS.own, JOINED.email);
    const { status, body, text } = await this.call('POST', '/v1/auth/invitations', {
      body: { token, name: 'Joined', password: JOINED.password },
    });
    if (status !== 200) throw new Error(`the invitation was answered ${status}: ${text}`);
    this.joinedId = body.userId;
  }
  /** The id of that person. */
  joinedId = '';

  async addPerson(id: string, email: string): Promise<void> {
    await this.db.system.execute('INSERT INTO users (id, email, name) VALUES ($1, $2, $1)', [id, email]);
  }

  async addMember(org: string, userId: string, role: string): Promise<void> {
    await this.db.system.execute('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [
      org,
      userId,
      role,
    ]);
  }

  /** A key made past the services; of `userId` if given. */
  async key(
    org: string,
    scopes: readonly Scope[],
    state: 'good' | 'expired' | 'revoked' | 'rotated-out' = 'good',
    userId: string | null = null,
  ): Promise<string> {
    const { secret, hash, prefix } = newApiKey();
    const isOld = state === 'rotated-out';
    await this.db.system.execute(
      `INSERT INTO api_keys (id, org_id, user_id, name, prefix, key_hash, previous_hash, scopes, expires_at,
         previous_expires_at, revoked_at)
       VALUES ($1, $2, $3, $1, $4, $5, $6, $7, CASE WHEN $8 = 'expired' THEN now() - interval '1 s' END,
         CASE WHEN $8 = 'rotated-out' THEN now() - interval '1 s' END, CASE WHEN $8 = 'revoked' THEN now() END)`,
      [
        this.unique('iso-key'),
        org,
        userId,
        prefix,
        isOld ? newApiKey().hash : hash,
        isOld ? hash : null,
        scopes,
        state,
      ],
    );
    return secret;
  }

  /** A token as somebody signs it who shares JWT_SECRET. */
  token(org: string, userId: string, expiresInSeconds = 3600): string {
    const options = { issuer: 'governsai', audience: 'governsai', expiresIn: expiresInSeconds };
    return jwt.sign({ sub: userId, org }, JWT_SECRET, options);
  }

  /** A session that auth itself has begun. */
  async session(org: string, userId: string): Promise<{ accessToken: string; refreshToken: string }> {
    const id = this.unique('ses_iso');
    const { secret, hash } = newOrgSecret('gar_', org);
    await this.db.system.execute(
      `INSERT INTO sessions (id, org_id, user_id, created_at, expires_at) VALUES ($1, $2, $3, now(), now() + interval '1 day')`,
      [id, org, userId],
    );
    await this.db.system.execute('INSERT INTO refresh_tokens (token_hash, org_id, session_id) VALUES ($1, $2, $3)', [
      hash,
      org,
      id,
    ]);
    const options = { issuer: 'governsai', audience: 'governsai', expiresIn: 3600 };
    return { accessToken: jwt.sign({ sub: userId, org, sid: id }, JWT_SECRET, options), refreshToken: secret };
  }

  /** The token of a session that was logged out; it would be good otherwise. */
  async endedSession(org: string, userId: string): Promise<string> {
    const { accessToken } = await this.session(org, userId);
    const { sid } = jwt.decode(accessToken) as { sid: string };
    await this.db.system.execute('UPDATE sessions SET revoked_at = now() WHERE id = $1', [sid]);
    return accessToken;
  }

  async invitation(org: string, email: string): Promise<string> {
    const { secret, hash } = newOrgSecret('gav_', org);
    await this.db.system.execute(
      `INSERT INTO invitations (id, org_id, email, role, token_hash, expires_at) VALUES ($1, $2, $3, 'viewer', $4, now() + interval '1 day')`,
      [this.unique('iso-inv'), org, email, hash],
    );
    return secret;
  }

  /** Asks the edge, or a service itself. */
  async call(
    method: string,
    path: string,
    options: { as?: string | undefined; body?: unknown; headers?: Record<string, string>; base?: string } = {},
  ) {
    const { as, body, headers, base = this.stack.edgeUrl } = options;
    const answer = await fetch(base + path, {
      method,
      headers: {
        ...(as !== undefined && { authorization: `Bearer ${as}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    // A stream has no end to wait for.
    const streams = /event-stream/.test(answer.headers.get('content-type') ?? '');
    if (streams) await answer.body?.cancel();
    const text = streams ? '' : await answer.text();
    const isJson =
      /json/.test(answer.headers.get('content-type') ?? '') && !/ndjson/.test(answer.headers.get('content-type') ?? '');
    // biome-ignore lint/suspicious/noExplicitAny: what it is depends on the route.
    return { status: answer.status, body: (isJson && text !== '' ? JSON.parse(text) : null) as any, text };
  }

  /** Makes something through the API, as one who may do everything in the org; returns the answer's body. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is depends on the route.
  async make(org: string, path: string, body: unknown): Promise<any> {
    this.#all.set(org, this.#all.get(org) ?? (await this.key(org, SCOPES)));
    const answer = await this.call('POST', path, { as: this.#all.get(org), body });
    if (answer.status >= 300) throw new Error(`POST ${path} answered ${answer.status}: ${answer.text}`);
    return answer.body;
  }
  readonly #all = new Map<string, string>();
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
