import { z } from 'zod';

/** How deep a free-form JSON value (`detectorSummary`, the data of an event) may nest. Bounds recursion everywhere. */
export const MAX_JSON_DEPTH = 32;

/** A place in a JSON value that PostgreSQL or RFC 8785 could not carry unchanged. */
export interface UnsafeJson {
  /** Dotted path from the root, `''` for the root itself. */
  path: string;
  reason: string;
}

/**
 * Finds the first value that cannot be stored and hashed as it came: U+0000 (PostgreSQL refuses it in text), a lone
 * surrogate (not valid Unicode, so it has no UTF-8 form), a number beyond a double, a `__proto__` key, or nesting
 * deeper than {@link MAX_JSON_DEPTH}. Returns null when all is well. Never throws.
 */
export function findUnsafeJson(value: unknown, path = '', depth = 0): UnsafeJson | null {
  switch (typeof value) {
    case 'string':
      return unsafeText(value, path);
    case 'number':
      return Number.isFinite(value) ? null : { path, reason: 'is a number too large to represent' };
    case 'object':
      if (value === null) return null;
      if (depth >= MAX_JSON_DEPTH) return { path, reason: `nests deeper than ${MAX_JSON_DEPTH} levels` };
      return unsafeMember(value, path, depth);
    default:
      return null;
  }
}

/** The first unsafe key, member or element of an object or array. */
function unsafeMember(value: object, path: string, depth: number): UnsafeJson | null {
  for (const key of Object.keys(value)) {
    const here = join(path, key);
    if (key === '__proto__') return { path: here, reason: 'is a reserved name' };
    const found = unsafeText(key, path) ?? findUnsafeJson((value as Record<string, unknown>)[key], here, depth + 1);
    if (found) return found;
  }
  return null;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function unsafeText(value: string, path: string): UnsafeJson | null {
  if (value.includes('\u0000')) return { path, reason: 'contains U+0000' };
  if (!value.isWellFormed()) return { path, reason: 'contains a lone surrogate' };
  return null;
}

/** A copy without any null, in objects at every level. Array elements stay, null or not: their position means something. */
export function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item)) as T;
  if (value === null || typeof value !== 'object') return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && item !== undefined) copy[key] = withoutNulls(item);
  }
  return copy as T;
}

/** Text of `min` to `max` characters (code points, as JSON Schema counts) that can be stored and hashed unchanged. */
export function text(max: number, min = 0): z.ZodString {
  return z
    .string()
    .min(min)
    .max(max)
    .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'contains U+0000 or a lone surrogate');
}
