import { createHash } from 'node:crypto';
import type { DecisionsSubmitted } from '@governsai/contracts';
import { createDatabase, type Database } from '@governsai/db';
import { createTestDatabase, type TestDatabase } from '@governsai/db/testing';
import { createLogger } from '@governsai/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PolicyCache } from './policies/cache.ts';
import { erasePersonOf } from './proof/erasure.ts';
import { eraseRawText, readRawText } from './raw-texts.ts';
import { Recorder } from './recorder.ts';

let database: TestDatabase;
let db: Database;
let recorder: Recorder;

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.appUrl, poolSize: 2, applicationName: 'test' });
  for (const org of ['acme', 'globex']) {
    await db.transaction([org], (tx) => tx.execute('INSERT INTO organizations (id, name) VALUES ($1, $1)', [org]));
  }
  recorder = new Recorder(db, new PolicyCache(createLogger('test', 'silent')), () => {});
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const idOf = (orgId: string, key: string) => `dec_${sha256(`${orgId}/${key}`).slice(0, 32)}`;

function submitted(key: string, rawText: DecisionsSubmitted['rawText'], more: object = {}): DecisionsSubmitted {
  return {
    orgId: 'acme',
    decisionId: idOf('acme', key),
    idempotencyKey: key,
    bodyHash: sha256(key),
    schema: 'decision.v1',
    data: { direction: 'precheck', decision: 'allow', userId: 'ann' },
    keyId: null,
    userId: null,
    receivedAt: new Date().toISOString(),
    ...(rawText && { rawText }),
    ...more,
  } as DecisionsSubmitted;
}
const record = (...values: DecisionsSubmitted[]) => recorder.record(values.map((value) => ({ value })));
const read = (key: string) => db.transaction(['acme'], (tx) => readRawText(tx, 'acme', idOf('acme', key)));

describe('raw text', () => {
  it('G12: is kept beside the chain and nowhere else', async () => {
    await record(
      submitted('one', { rawText: 'what Ann wrote', payloadOut: { text: ['what was answered'] } }),
      submitted('two', undefined),
    );
    expect(await read('one')).toEqual({
      rawText: 'what Ann wrote',
      payloadOut: { text: ['what was answered'] },
      recordedAt: expect.any(String),
    });
    for (const table of ['decisions', 'events', 'outbox', 'notifications']) {
      const rows = await db.transaction(['acme'], (tx) => tx.query(`SELECT t::text AS all FROM ${table} t`));
      expect(JSON.stringify(rows)).not.toMatch(/what (Ann|was)/);
    }
    await expect(read('two')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is that of the message that was stored, whatever repeats say', async () => {
    await record(submitted('same', { rawText: 'first' }), submitted('same', { rawText: 'second' }));
    await record(submitted('same', { rawText: 'third' }));
    await record(submitted('bare', undefined), submitted('bare', { rawText: 'late' }));
    expect(await read('same')).toMatchObject({ rawText: 'first' });
    await expect(read('bare')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is kept of events too', async () => {
    await record(submitted('event', { rawText: 'of a call' }, { schema: 'toolcall.v1', data: { any: 1 } }));
    expect(await read('event')).toMatchObject({ rawText: 'of a call' });
  });

  it('is erased on demand, without a trace in the chain', async () => {
    await record(submitted('gone', { rawText: 'to be erased' }));
    const erase = () => db.transaction(['acme'], (tx) => eraseRawText(tx, 'acme', idOf('acme', 'gone')));
    expect([await erase(), await erase()]).toEqual([true, false]);
    await expect(read('gone')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('goes with the person it is about', async () => {
    await record(
      submitted('bob', { rawText: 'of Bob' }, { data: { direction: 'precheck', decision: 'allow', userId: 'bob' } }),
    );
    await erasePersonOf(db, 'acme', 'ann', async () => {});
    await expect(read('one')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await read('bob')).toMatchObject({ rawText: 'of Bob' });
  });

  it('G6: is read by its own org only', async () => {
    const foreign = db.transaction(['globex'], (tx) => readRawText(tx, 'acme', idOf('acme', 'bob')));
    await expect(foreign).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
