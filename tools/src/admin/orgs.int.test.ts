import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretHash } from '@governsai/access';
import { passwordFits } from '@governsai/access/passwords';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ORG_COMMANDS } from './orgs.ts';
import { PEOPLE_COMMANDS } from './people.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.appUrl, poolSize: 1, applicationName: 'admin-test' });
  process.env.DATABASE_URL = database.appUrl;
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

let printed: string[] = [];
jest.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));

/** What a command prints. */
async function run(name: string, options: Record<string, string> = {}): Promise<string> {
  printed = [];
  await { ...ORG_COMMANDS, ...PEOPLE_COMMANDS }[name]?.run(options);
  return printed.join('\n');
}
const org = async (id: string) =>
  (
    await db.transaction([id], (tx) =>
      tx.query<{ suspended_at: string | null; rate_per_second: number | null }>('SELECT * FROM organizations'),
    )
  )[0];

describe('the admin command', () => {
  it('bootstraps with a key from a file, prints none, and is content when that is done already', async () => {
    const own = await createTestDatabase();
    process.env.DATABASE_URL = own.appUrl;
    try {
      const path = join(mkdtempSync(join(tmpdir(), 'bootstrap-')), 'key');
      writeFileSync(path, 'gai_typo');
      await expect(run('bootstrap', { org: 'hooli', 'key-file': path })).rejects.toThrow('make one with key-new');
      const key = await run('key-new');
      writeFileSync(path, `${key}\n`);
      const shown = await run('bootstrap', { org: 'hooli', 'key-file': path });
      expect(shown).toContain('hooli');
      expect(shown).not.toContain('gai_');
      expect(await run('bootstrap', { org: 'hooli', 'key-file': path })).toContain('nothing to do');
      const reader = createDatabase({ url: own.appUrl, poolSize: 1, applicationName: 'admin-test' });
      const rows = await reader.transaction(['hooli'], (tx) => tx.query('SELECT key_hash FROM api_keys'));
      await reader.close();
      expect(rows).toEqual([{ key_hash: secretHash(key) }]);
    } finally {
      process.env.DATABASE_URL = database.appUrl;
      await own.drop();
    }
  });

  it('invites the owner with an invitation from a file, and prints none', async () => {
    const own = await createTestDatabase();
    process.env.DATABASE_URL = own.appUrl;
    try {
      const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
      const [key, invitation] = [join(folder, 'key'), join(folder, 'invitation')];
      writeFileSync(key, await run('key-new'));
      writeFileSync(invitation, await run('invitation-new', { org: 'another' }));
      const options = { org: 'hooli', email: 'gavin@hooli.example', 'key-file': key, 'invitation-file': invitation };
      await expect(run('bootstrap', options)).rejects.toThrow('no invitation to hooli');
      const token = await run('invitation-new', { org: 'hooli' });
      writeFileSync(invitation, `${token}\n`);
      await expect(run('bootstrap', { ...options, email: '' })).rejects.toThrow('--email');
      expect(await run('bootstrap', options)).not.toMatch(/ga[iv]_/);
      const reader = createDatabase({ url: own.appUrl, poolSize: 1, applicationName: 'admin-test' });
      const rows = await reader.transaction(['hooli'], (tx) =>
        tx.query('SELECT email, role, token_hash FROM invitations'),
      );
      await reader.close();
      expect(rows).toEqual([{ email: 'gavin@hooli.example', role: 'owner', token_hash: secretHash(token) }]);
    } finally {
      process.env.DATABASE_URL = database.appUrl;
      await own.drop();
    }
  });

  it('bootstraps an empty installation once: an org, a key and an invitation for its owner', async () => {
    const [first, second] = await Promise.allSettled([
      run('bootstrap', { org: 'acme', name: 'Acme', email: 'Boss@acme.example' }),
      run('bootstrap', { org: 'globex' }),
    ]);
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    expect(printed.join('\n')).toMatch(/gai_[0-9A-Za-z]{49}/);
    await expect(run('bootstrap', { org: 'third' })).rejects.toThrow('org-create');
  });

  it('keeps the secrets that it prints to itself', async () => {
    const shown = await run('org-create', { org: 'initech', email: 'boss@initech.example' });
    const [key = ''] = /gai_\w{49}/.exec(shown) ?? [];
    const [token = ''] = /gav_initech\.\w{49}/.exec(shown) ?? [];
    expect(key && token).not.toBe('');
    for (const table of ['api_keys', 'invitations', 'outbox']) {
      const rows = await db.transaction(['initech'], (tx) => tx.query(`SELECT t::text AS all FROM ${table} t`));
      expect(rows.length).toBeGreaterThan(0);
      for (const secret of [key, token]) expect(JSON.stringify(rows)).not.toContain(secret.slice(12));
    }
  });

  it('suspends, resumes and limits an org, each told to the gateways and the audit log', async () => {
    await run('org-create', { org: 'umbrella' });
    await run('org-suspend', { org: 'umbrella' });
    expect((await org('umbrella'))?.suspended_at).not.toBeNull();
    await run('org-resume', { org: 'umbrella' });
    await run('org-limit', { org: 'umbrella', 'per-second': '7' });
    expect(await org('umbrella')).toMatchObject({ suspended_at: null, rate_per_second: 7, rate_burst: 7 });
    const events = await db.system.query<{ topic: string; value: { action?: string } }>(
      `SELECT topic, value FROM outbox WHERE key = 'umbrella' ORDER BY id`,
    );
    expect(events.filter(({ topic }) => topic === 'access.changed')).toHaveLength(4);
    expect(events.flatMap(({ value }) => value.action ?? [])).toEqual([
      'key.create',
      'org.create',
      'org.suspend',
      'org.resume',
      'org.limit',
    ]);
  });

  it('gives a person a new password, which ends their sessions in every org, told and audited without it', async () => {
    await db.system.execute(`INSERT INTO users (id, email, name) VALUES ('ida', 'ida@example.com', 'Ida')`);
    for (const id of ['hydra', 'vault']) {
      await run('org-create', { org: id });
      await db.transaction([id], (tx) =>
        tx.execute(`INSERT INTO memberships (org_id, user_id, role) VALUES ($1, 'ida', 'member')`, [id]),
      );
    }
    const [, password = ''] = /password +(\S+)/.exec(await run('password-reset', { email: 'Ida@example.com' })) ?? [];
    const [person] = await db.system.query<{ hash: string; ended: string | null }>(
      `SELECT password_hash AS hash, sessions_not_before AS ended FROM users WHERE id = 'ida'`,
    );
    expect(await passwordFits(person?.hash ?? '', password)).toBe(true);
    expect(person?.ended).not.toBeNull();
    const events = await db.system.query<{ key: string; topic: string; value: object }>(
      `SELECT key, topic, value FROM outbox WHERE key IN ('hydra', 'vault') ORDER BY id`,
    );
    for (const key of ['hydra', 'vault']) {
      const own = events.filter((event) => event.key === key);
      expect(own.at(-1)).toMatchObject({ topic: 'access.changed', value: { orgId: key, userId: 'ida' } });
      expect(own.map(({ value }) => value)).toContainEqual(
        expect.objectContaining({ action: 'password.reset', target: 'ida' }),
      );
    }
    expect(JSON.stringify(events)).not.toContain(password);
  });

  it.each([
    ['password-reset', { email: 'nobody@example.com' }, 'nobody here has the e-mail'],
    ['password-reset', {}, '--email'],
    ['org-suspend', { org: 'nowhere' }, 'there is no org nowhere'],
    ['org-suspend', {}, '--org'],
    ['org-create', { org: 'Not A Slug' }, '--org'],
    ['org-create', { org: 'system' }, '--org'],
    ['org-create', { org: 'x', email: 'nobody' }, '--email'],
    ['org-limit', { org: 'x', 'per-second': '0' }, '--per-second'],
    ['key-create', { org: 'initech', scopes: 'everything' }, '--scopes'],
  ])('%s %j says what is wrong', async (name, options, message) => {
    await expect(run(name, options as Record<string, string>)).rejects.toThrow(message);
  });
});
