import { createHash } from 'node:crypto';
import { newOrgSecret } from '@governsai/access';
import { SCOPES, type SessionTokens } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Changes } from './change-access.ts';
import { Passwords } from './sessions/passwords.ts';
import { SignIn } from './sessions/sign-in.ts';
import { eventually, startTestAuth, type TestAuth } from './testing.ts';

const password = 'correct horse battery';
let auth: TestAuth;

beforeAll(async () => {
  auth = await startTestAuth();
  await auth.addOrg('acme');
  await auth.addOrg('globex');
  await auth.addMember('acme', 'ann', 'admin');
  const hash = await new Passwords(1).hash(password);
  await auth.db.system.execute('UPDATE users SET password_hash = $1', [hash]);
  await auth.addMember('acme', 'sso', 'viewer');
});
afterAll(() => auth.stop());

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const post = (path: string, body: unknown, as?: string) =>
  auth.call('POST', `/v1/auth/${path}`, { body, ...(as !== undefined && { as }) });
async function login(): Promise<SessionTokens> {
  const answer = await post('login', { email: 'ann@acme.example', password });
  expect(answer.status).toBe(200);
  return answer.body;
}
const works = async (token: string) => (await auth.call('GET', '/v1/orgs/acme', { as: token })).status === 200;
const audited = (action: string) =>
  eventually(async () => {
    const rows = await auth.db.transaction(['acme', 'system'], (tx) =>
      tx.query<{ target: string; detail: object; result: string }>(
        'SELECT target, detail, result FROM audit_logs WHERE action = $1 ORDER BY seq',
        [action],
      ),
    );
    expect(rows.length).toBeGreaterThan(0);
    return rows;
  });

describe('a login', () => {
  it('begins a session in the org of the person, audited', async () => {
    const tokens = await login();
    expect(tokens).toMatchObject({ tokenType: 'Bearer', orgId: 'acme', userId: 'ann', role: 'admin' });
    expect(await works(tokens.accessToken)).toBe(true);
    expect(await audited('session.begin')).toContainEqual(expect.objectContaining({ detail: { userId: 'ann' } }));
  });

  it('is refused in the same words whoever it is: wrong password, unknown, without a password, of another org', async () => {
    const attempts = [
      { email: 'ann@acme.example', password: 'wrong' },
      { email: 'nobody@acme.example', password },
      { email: 'sso@acme.example', password },
      { email: 'ann@acme.example', password, org: 'globex' },
      { email: 'ann@acme.example', password, org: 'no-such-org' },
    ];
    const answers = await Promise.all(attempts.map((attempt) => post('login', attempt)));
    const shown = answers.map(({ status, body: { requestId: _, ...rest } }) => ({ status, ...rest }));
    expect(new Set(shown.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(shown[0]).toMatchObject({ status: 401, code: 'AUTH_FAILED' });
    expect(await audited('auth.refused')).toContainEqual(expect.objectContaining({ result: 'refused' }));
  });

  it('takes the same steps to refuse whoever it is, so that the time does not tell who is known', async () => {
    const asked: string[] = [];
    const counting: Database = {
      ...auth.db,
      system: {
        ...auth.db.system,
        query: (text, values) => {
          asked.push(text);
          return auth.db.system.query(text, values);
        },
      },
    };
    const passwords = new Passwords(1);
    let checked = 0;
    const signIn = new SignIn({
      db: counting,
      changes: new Changes(auth.db, () => {}),
      passwords: Object.assign(Object.create(passwords), {
        fits: (...given: Parameters<Passwords['fits']>) => {
          checked++;
          return passwords.fits(...given);
        },
      }),
      tokens: { secret: auth.jwtSecret, issuer: 'governsai', audience: 'governsai', skewSeconds: 0 },
      accessTokenMs: 60_000,
      sessionMs: 60_000,
    });
    const steps = async (email: string) => {
      asked.length = checked = 0;
      await expect(signIn.login({ principal: null, req: {} }, email, 'wrong', undefined)).rejects.toThrow();
      return { asked: [...asked], checked };
    };
    const known = await steps('ann@acme.example');
    expect(known).toMatchObject({ asked: [expect.anything(), expect.anything()], checked: 1 });
    expect(await steps('nobody@acme.example')).toEqual(known);
    expect(await steps('sso@acme.example')).toEqual(known);
  });

  it('names the orgs to choose from only once the password fits', async () => {
    await auth.db.transaction(['globex'], (tx) =>
      tx.execute(`INSERT INTO memberships (org_id, user_id, role) VALUES ('globex', 'ann', 'viewer')`),
    );
    expect((await post('login', { email: 'ann@acme.example', password })).body).toMatchObject({
      code: 'VALIDATION_FAILED',
      path: 'org',
      detail: expect.stringContaining('acme, globex'),
    });
    expect((await post('login', { email: 'ann@acme.example', password: 'wrong' })).text).not.toContain('globex');
    expect((await post('login', { email: 'ann@acme.example', password, org: 'globex' })).body).toMatchObject({
      orgId: 'globex',
      role: 'viewer',
    });
    await auth.db.transaction(['globex'], (tx) => tx.execute(`DELETE FROM memberships WHERE user_id = 'ann'`));
  });

  it('G12: leaves no password, token or secret in the database', async () => {
    const { accessToken, refreshToken } = await login();
    const tables = ['users', 'sessions', 'refresh_tokens', 'audit_logs', 'outbox'];
    for (const table of tables) {
      const rows = await auth.db.transaction(['acme'], (tx) => tx.query(`SELECT t::text AS all FROM ${table} t`));
      for (const secret of [password, accessToken, refreshToken]) expect(JSON.stringify(rows)).not.toContain(secret);
    }
  });
});

describe('a refresh token', () => {
  const refresh = (refreshToken: string) => post('refresh', { refreshToken });

  it('is traded for new tokens, which carry on the session', async () => {
    const first = await login();
    const second = await refresh(first.refreshToken);
    expect(second).toMatchObject({ status: 200, body: { userId: 'ann', refreshExpiresAt: first.refreshExpiresAt } });
    expect(second.body.refreshToken).not.toBe(first.refreshToken);
    expect(await works(second.body.accessToken)).toBe(true);
  });

  it('G7: used twice ends its session: all that followed from it stops working', async () => {
    const first = await login();
    const { body: second } = await refresh(first.refreshToken);
    expect((await refresh(first.refreshToken)).body.code).toBe('AUTH_FAILED');
    expect((await refresh(second.refreshToken)).body.code).toBe('AUTH_FAILED');
    expect([await works(first.accessToken), await works(second.accessToken)]).toEqual([false, false]);
    expect(await audited('session.revoke')).toContainEqual(
      expect.objectContaining({
        result: 'refused',
        detail: { userId: 'ann', reason: 'a refresh token was used twice' },
      }),
    );
  });

  it('presented many times at once is traded once at most, and the session ends', async () => {
    const { refreshToken } = await login();
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));
    const traded = answers.filter(({ status }) => status === 200);
    expect(traded).toHaveLength(1);
    expect(await works(traded[0]?.body.accessToken)).toBe(false);
  });

  it('of a session that has ended, expired or lost its member is refused', async () => {
    const tokens = await login();
    await auth.db.transaction(['acme'], (tx) => tx.execute('UPDATE sessions SET expires_at = now()'));
    expect((await refresh(tokens.refreshToken)).body.code).toBe('AUTH_EXPIRED');
    const other = await login();
    await auth.db.transaction(['acme'], (tx) =>
      tx.execute(`UPDATE memberships SET role = 'gone' WHERE user_id = 'ann'`),
    );
    expect((await refresh(other.refreshToken)).body.code).toBe('AUTH_FAILED');
    await auth.db.transaction(['acme'], (tx) =>
      tx.execute(`UPDATE memberships SET role = 'admin' WHERE user_id = 'ann'`),
    );
  });

  it('that is none is refused, however it looks', async () => {
    const looksRight = newOrgSecret('gar_', 'acme').secret;
    for (const token of [
      '',
      'x',
      looksRight,
      newOrgSecret('gar_', 'globex').secret,
      newOrgSecret('gat_', 'acme').secret,
      `${looksRight}\u0000`,
    ]) {
      expect((await refresh(token)).body.code).toBe('AUTH_FAILED');
    }
  });
});

describe('a logout', () => {
  it('G7: ends the session and what is left of its tokens, and no other one', async () => {
    const [one, two] = [await login(), await login()];
    expect((await post('logout', undefined, one.accessToken)).status).toBe(204);
    expect([await works(one.accessToken), await works(two.accessToken)]).toEqual([false, true]);
    expect((await post('refresh', { refreshToken: one.refreshToken })).status).toBe(401);
    const heard = (await auth.kafka.readAll('access.changed')).map(({ value }) => JSON.parse(value.toString()));
    expect(heard).toContainEqual(
      expect.objectContaining({ orgId: 'acme', keyId: null, sessionId: expect.stringMatching(/^ses_/) }),
    );
  });

  it('is nothing for a key', async () => {
    const key = await auth.addKey('acme', ['decisions:read']);
    expect((await post('logout', undefined, key)).body.code).toBe('FORBIDDEN');
  });
});

/** What is said of a ticket; asked again while a busy machine says UNAVAILABLE, as its redeemer may. */
// biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it.
async function verifyTicket(ticket: string, redeemer: string, orgId = 'acme'): Promise<any> {
  for (;;) {
    const { status, body } = await auth.call('POST', '/internal/verify', {
      body: { ticketHash: sha256(ticket), orgId, redeemer },
      headers: { 'x-internal-token': auth.internalToken },
    });
    if (status !== 503) return body;
  }
}

describe('a ticket', () => {
  it('speaks for who asked, to the first connection that shows it, and to that one again', async () => {
    const { accessToken } = await login();
    const made = await post('tickets', undefined, accessToken);
    expect(made).toMatchObject({ status: 201, body: { ticket: expect.stringMatching(/^gat_acme\./) } });
    expect(Date.parse(made.body.expiresAt) - Date.now()).toBeLessThanOrEqual(30_000);
    const { ticket } = made.body;
    expect(await verifyTicket(ticket, 'one')).toMatchObject({ principal: { kind: 'session', userId: 'ann' } });
    expect(await verifyTicket(ticket, 'two')).toMatchObject({ principal: null, reason: 'AUTH_FAILED' });
    expect(await verifyTicket(ticket, 'one', 'globex')).toMatchObject({ principal: null });
    expect(await verifyTicket(ticket, 'one')).toMatchObject({ principal: { userId: 'ann' } });
  });

  it('goes to one of many that show it at once', async () => {
    const key = await auth.addKey('acme', ['decisions:read'], { id: 'key-for-tickets' });
    const { ticket } = (await post('tickets', undefined, key)).body;
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => verifyTicket(ticket, `r${i}`)));
    expect(answers.filter(({ principal }) => principal !== null)).toMatchObject([
      { principal: { keyId: 'key-for-tickets' } },
    ]);
  });

  it('is too late after 30 s', async () => {
    const { accessToken } = await login();
    const { ticket } = (await post('tickets', undefined, accessToken)).body;
    await auth.db.transaction(['acme'], (tx) =>
      tx.execute(`UPDATE connection_tickets SET expires_at = now() - interval '1 ms'`),
    );
    expect(await verifyTicket(ticket, 'one')).toMatchObject({ principal: null, reason: 'AUTH_FAILED' });
  });

  it('G7: stops speaking when the session that it was made with ends, and ends with its token', async () => {
    const tokens = await login();
    const { ticket } = (await post('tickets', undefined, tokens.accessToken)).body;
    const { principal } = await verifyTicket(ticket, 'one');
    expect(Date.parse(principal.expiresAt)).toBeLessThanOrEqual(Date.parse(tokens.expiresAt) + 5000);
    await post('logout', undefined, tokens.accessToken);
    expect(await verifyTicket(ticket, 'one')).toMatchObject({ principal: null, reason: 'AUTH_FAILED' });
  });
});

describe('a ticket of a key', () => {
  const rotate = async (id: string, overlapSeconds: number): Promise<string> => {
    const admin = await auth.addKey('acme', SCOPES);
    const { body } = await auth.call('POST', `/v1/orgs/acme/keys/${id}/rotate`, {
      as: admin,
      body: { overlapSeconds },
    });
    return body.key;
  };
  const redeem = async (key: string, redeemer: string) => {
    const { ticket } = (await post('tickets', undefined, key)).body;
    const again = () => verifyTicket(ticket, redeemer);
    expect(await again()).toMatchObject({ principal: { kind: 'apiKey' } });
    return again;
  };

  it('G7: stops speaking when the secret that it was made with is rotated out', async () => {
    const key = await auth.addKey('acme', ['decisions:read'], { id: 'key-rotated-out' });
    const old = await redeem(key, 'old');
    const next = await rotate('key-rotated-out', 0);
    expect(await old()).toMatchObject({ principal: null, reason: 'AUTH_EXPIRED' });
    await redeem(next, 'new');
  });

  it('G7: ends with the overlap, and at once when the secret before it is rotated out again', async () => {
    const key = await auth.addKey('acme', ['decisions:read'], { id: 'key-overlapping' });
    const before = await redeem(key, 'before');
    const second = await rotate('key-overlapping', 600);
    const during = await redeem(key, 'during');
    const end = Date.parse((await before()).principal.expiresAt);
    expect(end - Date.now()).toBeLessThanOrEqual(600_000);
    const present = await redeem(second, 'present');
    await rotate('key-overlapping', 3600);
    expect(await before()).toMatchObject({ principal: null });
    expect(await during()).toMatchObject({ principal: null });
    expect(await present()).toMatchObject({ principal: { keyId: 'key-overlapping' } });
  });
});

describe('a new password', () => {
  it('G7: needs the present one, and ends every session of the person', async () => {
    const [one, two] = [await login(), await login()];
    const change = (current: string) =>
      post('password', { current, password: 'another good password' }, one.accessToken);
    expect((await change('wrong')).body.code).toBe('AUTH_FAILED');
    expect((await change(password)).status).toBe(204);
    expect([await works(one.accessToken), await works(two.accessToken)]).toEqual([false, false]);
    expect((await post('refresh', { refreshToken: two.refreshToken })).status).toBe(401);
    expect((await post('login', { email: 'ann@acme.example', password })).status).toBe(401);
    expect((await post('login', { email: 'ann@acme.example', password: 'another good password' })).status).toBe(200);
  });
});
