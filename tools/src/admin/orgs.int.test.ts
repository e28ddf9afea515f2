import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretHash } from '@governsai/access';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ORG_COMMANDS } from './orgs.ts';

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
  await ORG_COMMANDS[name]?.run(options);
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

  it.each([
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
