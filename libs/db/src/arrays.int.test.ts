import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bigintArray, textArray, timestamptzArray } from './arrays.ts';
import { createDatabase, type Database } from './database.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.appUrl, poolSize: 2, applicationName: 'test' });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

async function backOf<T>(type: string, parameter: Buffer): Promise<T> {
  const [row] = await db.system.query<{ back: T }>(`SELECT $1::${type}[] AS back`, [parameter]);
  return row?.back as T;
}

const storable = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\u0000'));

it('text arrays arrive as they were sent: any text, null, none at all', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(storable), { maxLength: 50 }), async (values) => {
      expect(await backOf('text', textArray(values))).toEqual(values);
    }),
  );
});

it('whole numbers, times and nulls arrive as they were sent', async () => {
  const date = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(fc.maxSafeInteger())), fc.array(fc.option(date)), async (numbers, dates) => {
      const times = dates.map((time) => (time === null ? null : time.toISOString()));
      expect(await backOf('bigint', bigintArray(numbers))).toEqual(numbers);
      expect(await backOf('timestamptz', timestamptzArray(times))).toEqual(times);
      expect(
        await backOf('timestamptz', timestamptzArray(dates.map((time) => (time === null ? null : time.getTime())))),
      ).toEqual(times);
    }),
  );
});

it('refuses what is no whole number and no time', () => {
  expect(() => bigintArray([1.5])).toThrow(RangeError);
  expect(() => timestamptzArray(['yesterday'])).toThrow(RangeError);
  expect(() => timestamptzArray([0.5])).toThrow(RangeError);
});

it('U+0000 is a data error, as it is in text form', async () => {
  await expect(backOf('text', textArray(['a\u0000b']))).rejects.toMatchObject({ code: '22021' });
});
