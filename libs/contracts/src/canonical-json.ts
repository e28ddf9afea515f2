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
  return Array.isArray(value) ? elements(value) : members(value as Record<string, unknown>);
}

// Twice for every decision, so written out: an array of parts for each object would take twice the time.
function elements(values: readonly unknown[]): string {
  let text = '';
  for (let i = 0; i < values.length; i++) text += `${i === 0 ? '' : ','}${canonicalJson(values[i])}`;
  return `[${text}]`;
}

function members(value: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const key of sorted(Object.keys(value))) {
    const member = value[key];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${nameOf(key)}${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

/** Above it a sort by insertion is slower than the engine's. */
const FEW_KEYS = 32;

/** Sorts in place. Objects have few members, and often in nearly the same order: the engine's sort costs five times as much. */
function sorted(keys: string[]): string[] {
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}

const MAX_NAMES = 1000;
const MAX_NAME_LENGTH = 64;
/** Members have the same few names again and again. */
const names = new Map<string, string>();

function nameOf(key: string): string {
  let name = names.get(key);
  if (name === undefined) {
    name = `${JSON.stringify(key)}:`;
    if (names.size < MAX_NAMES && key.length <= MAX_NAME_LENGTH) names.set(key, name);
  }
  return name;
}
