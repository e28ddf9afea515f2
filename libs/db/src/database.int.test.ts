import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, type Database } from './database.ts';
import { isDataError, isTransient, isUniqueViolation } from './errors.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
let admin: pg.Client;
let db: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  admin = new pg.Client({ connectionString: test.adminUrl });
  await admin.connect();
  await admin.query("INSERT INTO organizations (id, name) VALUES ('acme', 'Acme')");
  db = createDatabase({ url: test.appUrl, poolSize: 3, applicationName: 'database-test' });
});

afterAll(async () => {
  await db?.close();
  await admin?.end();
  await test?.drop();
});

/** What `run` rejects with. */
async function failure(run: Promise<unknown>): Promise<unknown> {
  return run.then(
    () => {
      throw new Error('did not fail');
    },
    (error: unknown) => error,
  );
}

/** Ends every server process of the pool, as a restart of the server does. Returns how many there were. */
async function killBackends(): Promise<number> {
  const { rowCount } = await admin.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'database-test'`,
  );
  return rowCount ?? 0;
}

describe('values', () => {
  it('come as numbers, decimal strings and RFC 3339 UTC', async () => {
    const [row] = await db.system.query(
      `SELECT 9007199254740991::int8 AS big, 7000::numeric(38,12) AS money, '{"a":[1]}'::jsonb AS json, NULL::int8 AS nothing,
        '2026-01-02 03:04:05.678912+02'::timestamptz AS at, '2026-01-02 00:00+00'::timestamptz AS plain,
        ARRAY[1,2]::int8[] AS bigs, ARRAY[0.1]::numeric[] AS moneys, ARRAY['2026-01-02Z', NULL]::timestamptz[] AS times`,
    );
    expect(row).toEqual({
      big: 9007199254740991,
      money: '7000.000000000000',
      json: { a: [1] },
      nothing: null,
      at: '2026-01-02T01:04:05.678Z',
      plain: '2026-01-02T00:00:00.000Z',
      bigs: [1, 2],
      moneys: ['0.1'],
      times: ['2026-01-02T00:00:00.000Z', null],
    });
  });

  it('come in UTC from a connection in another time zone', async () => {
    const [row] = await db.transaction([], async (tx) => {
      await tx.execute("SET LOCAL TimeZone = 'Asia/Kolkata'");
      return tx.query<{ at: string }>("SELECT '2026-01-02 03:04:05.678912+00'::timestamptz AS at");
    });
    expect(row?.at).toBe('2026-01-02T03:04:05.678Z');
  });

  it('refuses an int8 that a number cannot hold instead of rounding it', async () => {
    await expect(db.system.query('SELECT 9007199254740992::int8')).rejects.toThrow(/9007199254740992 does not fit/);
    await expect(db.ping()).resolves.toBeUndefined();
  });

  it('leaves the global parsers of pg alone', () => {
    expect(pg.types.getTypeParser(20)('1')).toBe('1');
  });
});

describe('transaction', () => {
  it('rolls back what the function throws, and keeps the connection', async () => {
    const before = db.poolStats().total;
    const run = db.transaction(['acme'], async (tx) => {
      await tx.execute("INSERT INTO tracker_cursors (org_id, seq) VALUES ('acme', 1)");
      throw new Error('changed my mind');
    });
    await expect(run).rejects.toThrow('changed my mind');
    await expect(db.transaction(['acme'], (tx) => tx.query('SELECT * FROM tracker_cursors'))).resolves.toEqual([]);
    expect(db.poolStats().total).toBe(before);
  });

  it('does not pretend to have committed when a failed statement was ignored', async () => {
    const run = db.transaction([], async (tx) => {
      await tx.query('SELECT 1/0').catch(() => {});
      return 'stored';
    });
    await expect(run).rejects.toThrow(/nothing was committed/);
  });

  it('takes no org id that is none: it could widen the scope', async () => {
    await expect(db.transaction(["acme', true); --"], () => Promise.resolve())).rejects.toThrow(TypeError);
    await expect(db.prisma(['acme,globex'], () => Promise.resolve())).rejects.toThrow(TypeError);
  });

  it('shares the pool with Prisma', async () => {
    const name = await db.prisma(['acme'], async (tx) => (await tx.organization.findFirst())?.name);
    expect(name).toBe('Acme');
    expect(db.poolStats().total).toBeLessThanOrEqual(3);
  });
});

describe('errors', () => {
  const insert = "INSERT INTO tracker_cursors (org_id, seq) VALUES ('acme', 1)";

  it('of a row are told apart from the rest, in SQL', async () => {
    const duplicate = await failure(
      db.transaction(['acme'], async (tx) => {
        await tx.execute(insert);
        await tx.execute(insert);
      }),
    );
    expect([isUniqueViolation(duplicate), isDataError(duplicate), isTransient(duplicate)]).toEqual([true, true, false]);
    const tooBig = await failure(db.system.query('SELECT 99999999999::int4'));
    expect([isUniqueViolation(tooBig), isDataError(tooBig), isTransient(tooBig)]).toEqual([false, true, false]);
    const mistake = await failure(db.system.query('SELECT nothing'));
    expect([isDataError(mistake), isTransient(mistake)]).toEqual([false, false]);
    const tooLongForIndex = await failure(
      db.transaction(['acme'], (tx) =>
        tx.execute(
          `INSERT INTO usage_rollups (org_id, bucket, tool)
           SELECT 'acme', now(), string_agg(md5(i::text), '') FROM generate_series(1, 200) AS i`,
        ),
      ),
    );
    expect([isDataError(tooLongForIndex), isTransient(tooLongForIndex)]).toEqual([true, false]);
  });

  it('of a row are told apart from the rest, in Prisma', async () => {
    const created = { id: 'acme', name: 'Acme again' };
    const duplicate = await failure(db.prisma(['acme'], (tx) => tx.organization.create({ data: created })));
    expect([isUniqueViolation(duplicate), isDataError(duplicate), isTransient(duplicate)]).toEqual([true, true, false]);
    const raw = await failure(
      db.prisma(['acme'], (tx) => tx.$executeRawUnsafe("INSERT INTO organizations VALUES ('acme', 'x')")),
    );
    expect([isUniqueViolation(raw), isDataError(raw)]).toEqual([true, true]);
    const orphan = { orgId: 'acme', userId: 'nobody', role: 'owner' };
    const foreign = await failure(db.prisma(['acme'], (tx) => tx.membership.create({ data: orphan })));
    expect([isUniqueViolation(foreign), isDataError(foreign)]).toEqual([false, true]);
    const mistake = await failure(db.prisma([], (tx) => tx.$queryRawUnsafe('SELECT nothing')));
    expect([isDataError(mistake), isTransient(mistake)]).toEqual([false, false]);
  });

  it('of a statement that runs too long are transient, and the connection stays', async () => {
    const slow = createDatabase({ url: test.appUrl, poolSize: 1, applicationName: 'slow', queryTimeoutMs: 50 });
    expect(isTransient(await failure(slow.system.query('SELECT pg_sleep(5)')))).toBe(true);
    await expect(slow.ping()).resolves.toBeUndefined();
    await slow.close();
  });

  it('of a full pool are transient and come in bounded time', async () => {
    const narrow = createDatabase({ url: test.appUrl, poolSize: 1, applicationName: 'narrow', connectTimeoutMs: 1500 });
    await narrow.transaction([], async () => {
      expect(isTransient(await failure(narrow.ping()))).toBe(true);
      expect(isTransient(await failure(narrow.prisma([], (tx) => tx.user.count())))).toBe(true);
    });
    await narrow.close();
  });

  it('of a server that is not there are transient', async () => {
    const nowhere = createDatabase({ url: 'postgres://a:b@127.0.0.1:1/none', poolSize: 1, applicationName: 'nowhere' });
    expect(isTransient(await failure(nowhere.ping()))).toBe(true);
    expect(isTransient(await failure(nowhere.prisma([], (tx) => tx.user.count())))).toBe(true);
    await nowhere.close();
  });
});

describe('when the server ends its processes', () => {
  it('a statement under way fails as transient and the pool recovers', async () => {
    const sleeping = failure(db.transaction([], (tx) => tx.query('SELECT pg_sleep(30)')));
    while (db.poolStats().total === db.poolStats().idle) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await killBackends()).toBeGreaterThan(0);
    expect(isTransient(await sleeping)).toBe(true);
    await expect(db.ping()).resolves.toBeUndefined();
  });

  it('a transaction between two statements fails as transient and the pool recovers', async () => {
    const run = db.transaction([], async (tx) => {
      await tx.query('SELECT 1');
      await killBackends();
      return tx.query('SELECT 1');
    });
    expect(isTransient(await failure(run))).toBe(true);
    await expect(db.ping()).resolves.toBeUndefined();
  });

  it('Prisma fails as transient and the pool recovers', async () => {
    const run = db.prisma([], async (tx) => {
      await tx.user.count();
      await killBackends();
      return tx.user.count();
    });
    expect(isTransient(await failure(run))).toBe(true);
    await expect(db.prisma([], (tx) => tx.user.count())).resolves.toBe(0);
  });

  it('idle connections are replaced', async () => {
    await db.ping();
    await killBackends();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(db.ping()).resolves.toBeUndefined();
  });
});

it('a migration under a prepared statement costs one transient error', async () => {
  const narrow = createDatabase({ url: test.appUrl, poolSize: 1, applicationName: 'prepared' });
  const select = () => narrow.system.query('SELECT * FROM access_state');
  await select();
  await admin.query('ALTER TABLE access_state ADD COLUMN extra int');
  expect(isTransient(await failure(select()))).toBe(true);
  await expect(select()).resolves.toEqual([{ id: 1, version: 0, extra: null }]);
  await admin.query('ALTER TABLE access_state DROP COLUMN extra');
  await narrow.close();
});

describe('a connection whose role is being looked at', () => {
  /** A line to the server; what is asked on it once a connection is made goes on when `onQuestion` calls `ask`. */
  async function lineTo(databaseUrl: string, onQuestion: (near: Socket, ask: () => void) => void) {
    const { hostname, port } = new URL(databaseUrl);
    const line = createServer((near) => {
      const far = connect(Number(port), hostname);
      let isReady = false;
      near.on('error', () => {});
      far.on('error', () => {});
      near.on('data', (data) => {
        const ask = () => far.write(data);
        if (isReady) onQuestion(near, ask);
        else ask();
      });
      far.on('data', (data) => {
        near.write(data);
        // ReadyForQuery, idle, is the end of a startup.
        isReady ||= data.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]));
      });
      near.on('close', () => far.destroy());
    });
    await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
    const url = new URL(databaseUrl);
    url.port = String((line.address() as AddressInfo).port);
    return { url: url.href, close: () => line.close() };
  }

  it('G8: fails as transient when it is cut, and ends no process', async () => {
    const line = await lineTo(test.appUrl, (near) => near.resetAndDestroy());
    const cut = createDatabase({ url: line.url, poolSize: 2, applicationName: 'cut-test', boundRole: true });
    const uncaught: unknown[] = [];
    const note = (error: unknown) => uncaught.push(error);
    process.on('uncaughtException', note);
    try {
      for (let i = 0; i < 5; i++) expect(isTransient(await failure(cut.ping()))).toBe(true);
      expect(uncaught).toEqual([]);
    } finally {
      process.removeListener('uncaughtException', note);
      await cut.close();
      line.close();
    }
  });

  it('G8: is not lost to the pool when who waited for it has given up', async () => {
    const connections = new Set<Socket>();
    const held: (() => void)[] = [];
    let isHeld = false;
    const line = await lineTo(test.appUrl, (near, ask) => {
      connections.add(near);
      if (isHeld) held.push(ask);
      else ask();
    });
    const slow = createDatabase({
      url: line.url,
      poolSize: 1,
      applicationName: 'slow-test',
      boundRole: true,
      connectTimeoutMs: 1000,
    });
    try {
      let waiting: Promise<unknown> = Promise.resolve();
      // The only connection is lent, then breaks: who waits for it gets a new one.
      await failure(
        slow.transaction(['acme'], async (tx) => {
          waiting = failure(slow.ping());
          isHeld = true;
          for (const near of connections) near.resetAndDestroy();
          await tx.query('SELECT 1');
        }),
      );
      await waiting;
      isHeld = false;
      for (const ask of held) ask();
      // A slow machine may make it give up once more.
      const deadline = Date.now() + 20_000;
      while ((await slow.ping().catch((error: unknown) => error)) !== undefined) {
        expect(Date.now()).toBeLessThan(deadline);
      }
    } finally {
      await slow.close();
      line.close();
    }
  });
});
