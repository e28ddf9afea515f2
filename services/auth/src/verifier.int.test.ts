import { createHash } from 'node:crypto';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { Changes } from './change-access.ts';
import { CredentialStore } from './credential-store.ts';
import { TicketStore } from './sessions/ticket-store.ts';
import { TokenReader } from './sessions/token-reader.ts';
import { Verifier } from './verifier.ts';

const tokens = {
  secret: 'a secret of at least 32 characters',
  issuer: 'governsai',
  audience: 'governsai',
  skewSeconds: 0,
};
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let database: TestDatabase;
let db: Database;
let verifier: Verifier;
let changes: Changes;
const nobody = { principal: null, req: {} };

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.appUrl, poolSize: 4, applicationName: 'auth-test' });
  changes = new Changes(db, () => {});
  verifier = new Verifier(new CredentialStore(db), new TokenReader(tokens), new TicketStore(db));
  await db.system.execute(`INSERT INTO users (id, email, name) VALUES ('ann', 'ann@acme.example', 'Ann')`);
  for (const org of ['acme', 'globex', 'closed']) {
    await db.transaction([org], async (tx) => {
      await tx.execute(`INSERT INTO organizations (id, name) VALUES ($1, $1)`, [org]);
    });
  }
  await db.transaction(['acme'], async (tx) => {
    await tx.execute(`INSERT INTO memberships (org_id, user_id, role) VALUES ('acme', 'ann', 'member')`);
  });
  await db.transaction(['closed'], async (tx) => {
    await tx.execute(`UPDATE organizations SET suspended_at = now() WHERE id = 'closed'`);
  });
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

async function addKey(orgId: string, key: string, expiresAt: string | null = null): Promise<void> {
  await db.transaction([orgId], (tx) =>
    tx.execute(
      `INSERT INTO api_keys (id, org_id, user_id, name, prefix, key_hash, scopes, expires_at)
       VALUES ($1, $2, NULL, 'test', 'gai_', $3, '{decisions:write,decisions:read}', $4)`,
      [`id-${key}`, orgId, sha256(key), expiresAt],
    ),
  );
}

const session = (claims: object) =>
  jwt.sign(claims, tokens.secret, { issuer: tokens.issuer, audience: tokens.audience, expiresIn: 60 });

describe('auth asked about an API key', () => {
  it('says whose it is, of whichever org', async () => {
    await addKey('globex', 'gai_good', '2099-01-01T00:00:00.000Z');
    expect(await verifier.key(sha256('gai_good'))).toMatchObject({
      version: expect.any(Number),
      principal: {
        kind: 'apiKey',
        orgId: 'globex',
        userId: null,
        keyId: 'id-gai_good',
        scopes: ['decisions:write', 'decisions:read'],
        expiresAt: '2099-01-01T00:00:00.000Z',
      },
      reason: null,
    });
  });

  it('refuses one that is unknown, expired, or of a suspended org', async () => {
    await addKey('acme', 'gai_old', '2020-01-01T00:00:00.000Z');
    await addKey('closed', 'gai_closed');
    expect(await verifier.key(sha256('gai_unknown'))).toMatchObject({ principal: null, reason: 'AUTH_FAILED' });
    expect(await verifier.key(sha256('gai_old'))).toMatchObject({ principal: null, reason: 'AUTH_EXPIRED' });
    expect(await verifier.key(sha256('gai_closed'))).toMatchObject({ principal: null, reason: 'AUTH_FAILED' });
  });

  it('G7: refuses a revoked one at a higher version, and the outbox holds the news with that version', async () => {
    await addKey('acme', 'gai_leaked');
    const before = await verifier.key(sha256('gai_leaked'));
    await changes.make(nobody, 'acme', async (tx) => {
      await tx.execute(`UPDATE api_keys SET revoked_at = now() WHERE id = $1`, ['id-gai_leaked']);
      return { result: null, audit: [], access: { keyId: 'id-gai_leaked' } };
    });
    const after = await verifier.key(sha256('gai_leaked'));
    expect(before.reason).toBeNull();
    const of = { orgId: 'acme', userId: null, keyId: 'id-gai_leaked' };
    expect(after).toEqual({ version: before.version + 1, principal: null, reason: 'AUTH_FAILED', of });
    const events = await db.system.query<{ topic: string; key: string; value: object }>(
      `SELECT topic, key, value FROM outbox WHERE service = 'auth' ORDER BY id DESC LIMIT 1`,
    );
    expect(events).toMatchObject([
      {
        topic: 'access.changed',
        key: 'acme',
        value: { version: after.version, orgId: 'acme', keyId: 'id-gai_leaked' },
      },
    ]);
  });

  it('G7: a change that fails is not announced', async () => {
    const version = await verifier.version();
    const failing = changes.make(nobody, 'acme', async () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await verifier.version()).toBe(version);
  });
});

describe('auth asked about a session', () => {
  it("gives the scopes of the member's role in the token's org", async () => {
    expect((await verifier.token(session({ sub: 'ann', org: 'acme' }))).principal).toMatchObject({
      kind: 'session',
      orgId: 'acme',
      userId: 'ann',
      keyId: null,
      scopes: ['decisions:write', 'decisions:read', 'budget:read', 'notifications:read'],
    });
  });

  it('G6: refuses a member of one org in another', async () => {
    expect(await verifier.token(session({ sub: 'ann', org: 'globex' }))).toMatchObject({ reason: 'AUTH_FAILED' });
  });

  it('refuses a token that is not ours, and says the version all the same', async () => {
    expect(await verifier.token('nonsense')).toEqual({
      version: await verifier.version(),
      principal: null,
      reason: 'AUTH_FAILED',
    });
  });
});

describe('auth without its database', () => {
  it('G8: answers UNAVAILABLE, never AUTH_FAILED', async () => {
    const url = new URL(database.appUrl);
    url.port = '1';
    const unreachable = createDatabase({ url: url.href, poolSize: 1, applicationName: 'auth-test' });
    const lost = new Verifier(new CredentialStore(unreachable), new TokenReader(tokens), new TicketStore(unreachable));
    await expect(lost.key(sha256('gai_good'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(lost.token('nonsense')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await unreachable.close();
  });
});
