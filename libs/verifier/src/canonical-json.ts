// The verifier depends on nothing but Node, so that an auditor has only this folder to read: it has its own RFC 8785 form
// instead of taking the writer's. A test holds the two together.

/** Deeper than any record may nest (32 levels in free-form members); keeps a hostile file from exhausting the stack. */
const MAX_DEPTH = 64;

/**
 * The RFC 8785 form of a value that `JSON.parse` returned. Throws RangeError when it nests deeper than 64 levels.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (depth === MAX_DEPTH) throw new RangeError(`nests deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  const members = value as Record<string, unknown>;
  const keys = Object.keys(members).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(members[key], depth + 1)}`).join(',')}}`;
}
