import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { validationError } from './errors.ts';
import { costInput } from './money.ts';

const schema = z.strictObject({
  name: z.string().min(1).max(3),
  count: z.int().min(1).max(5).optional(),
  size: z.number().positive().optional(),
  on: z.boolean().optional(),
  list: z.array(z.string()).min(1).optional(),
  unit: z.enum(['currency', 'tokens']).optional(),
  schema: z.literal('v1').optional(),
  cost: costInput.optional(),
  page: z.coerce.number().int().min(1).optional(),
});

describe('what is said of a value that does not fit', () => {
  it.each([
    [{}, 'name', 'name: is missing: give a string'],
    [{ name: 1 }, 'name', 'name: must be a string, not a number'],
    [{ name: null }, 'name', 'name: must be a string, not null'],
    [{ name: [] }, 'name', 'name: must be a string, not a list'],
    [{ name: '' }, 'name', 'name: must have at least 1 character'],
    [{ name: 'abcd' }, 'name', 'name: must have at most 3 characters'],
    [{ name: 'a', count: 0 }, 'count', 'count: must be at least 1'],
    [{ name: 'a', count: 6 }, 'count', 'count: must be at most 5'],
    [{ name: 'a', count: 1.5 }, 'count', 'count: must be a whole number, not 1.5'],
    [{ name: 'a', size: 0 }, 'size', 'size: must be more than 0'],
    [{ name: 'a', on: 'yes' }, 'on', 'on: must be true or false, not a string'],
    [{ name: 'a', list: 'x' }, 'list', 'list: must be a list, not a string'],
    [{ name: 'a', list: [] }, 'list', 'list: must have at least 1 item'],
    [{ name: 'a', unit: 'usd' }, 'unit', 'unit: must be one of "currency", "tokens"'],
    [{ name: 'a', schema: 'v2' }, 'schema', 'schema: must be "v1"'],
    [{ name: 'a', cost: true }, 'cost', 'cost: must be a decimal number such as "12.5"'],
    [{ name: 'a', page: 'abc' }, 'page', 'page: must be a number, not NaN'],
    [{ name: 'a', nmae: 'b' }, 'nmae', 'nmae: is not known here, or cannot be set: leave it out'],
    ['text', undefined, 'the message: must be an object, not a string'],
  ])('%j: %s', (value, path, message) => {
    const { error } = schema.safeParse(value);
    expect(validationError(error as z.ZodError)).toMatchObject({ path, message });
  });
});
