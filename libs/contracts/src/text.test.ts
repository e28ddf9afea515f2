import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { validationError } from './errors.ts';
import { findUnsafeJson, jsonObject, MAX_JSON_DEPTH, text, withoutNulls } from './text.ts';

/** An array in an array in an array … */
function nested(levels: number): unknown {
  return levels === 0 ? 'core' : [nested(levels - 1)];
}

describe('findUnsafeJson', () => {
  it.each([
    ['U+0000', { a: [{ b: 'x\u0000' }] }, 'a.0.b'],
    ['a lone surrogate', { a: ['ok', '\udc00'] }, 'a.1'],
    ['U+0000 in a key', { a: { 'x\u0000': 1 } }, 'a'],
    ['a number beyond a double', JSON.parse('{"a": 1e999}'), 'a'],
    ['a reserved name', JSON.parse('{"a": {"__proto__": 1}}'), 'a.__proto__'],
    ['the root', '\ud83d', ''],
  ])('G10: finds %s and says where', (_what, value, path) => {
    expect(findUnsafeJson(value)).toEqual({ path, reason: expect.any(String) });
  });

  it('bounds the depth', () => {
    expect(findUnsafeJson(nested(MAX_JSON_DEPTH))).toBeNull();
    expect(findUnsafeJson(nested(MAX_JSON_DEPTH + 1))?.reason).toContain(String(MAX_JSON_DEPTH));
    expect(findUnsafeJson(nested(5000))).not.toBeNull();
  });

  it('passes every value that UTF-8 and PostgreSQL can carry', () => {
    const safe = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });
    fc.assert(
      fc.property(safe, (value) =>
        expect(findUnsafeJson(value) === null).toBe(!/\\u0000|__proto__/.test(JSON.stringify(value))),
      ),
    );
  });
});

describe('jsonObject', () => {
  it('takes any object as it is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => expect(jsonObject.parse(value)).toBe(value)),
    );
  });

  it.each([
    ['text', 'data: must be an object, not a string'],
    [[1], 'data: must be an object, not a list'],
    [null, 'data: must be an object, not null'],
    [undefined, 'data: is missing: give an object'],
  ])('refuses %j and says what to give', (data, message) => {
    const { error } = z.object({ data: jsonObject }).safeParse({ data });
    expect(error && validationError(error).message).toBe(message);
    expect(z.object({ data: jsonObject.optional() }).safeParse({ data }).success).toBe(data === undefined);
  });
});

describe('text', () => {
  it('counts code points and refuses what cannot be stored', () => {
    expect(text(1).safeParse('😀').success).toBe(true);
    expect(text(1).safeParse('😀a').success).toBe(false);
    expect(text(4).safeParse('a\u0000').success).toBe(false);
    expect(text(4).safeParse('\ud83d').success).toBe(false);
    expect(text(4, 1).safeParse('').success).toBe(false);
  });
});

describe('withoutNulls', () => {
  it('drops null members at every level and keeps the places of arrays', () => {
    expect(withoutNulls({ a: null, b: { c: null, d: [null, { e: null }] }, f: 0 })).toEqual({
      b: { d: [null, {}] },
      f: 0,
    });
  });
});
