/**
 * The RFC 8785 (JSON Canonicalization Scheme) form of a JSON value: object keys sorted by UTF-16 code units, numbers and
 * strings as ECMAScript prints them, no white space. Members that are `undefined` are left out. The value must be
 * well-formed JSON (see `findUnsafeJson`); throws TypeError for a number that JSON cannot express.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('JSON has no form for a number that is not finite');
    return JSON.stringify(value);
  }
  if (value === null || typeof value !== 'object') return value === undefined ? 'null' : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  let members = '';
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}
