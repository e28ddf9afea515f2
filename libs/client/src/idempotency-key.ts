import { GovernsaiError } from './errors.ts';

const MAX_KEY_LENGTH = 256;

/** 128 random bits, from the one source that browsers have on plain HTTP too. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Throws VALIDATION_FAILED for what the server could not name in its answer: no key, or no hold. */
export function checkedKey(key: string, name = 'idempotencyKey'): string {
  if (key.length > 0 && key.length <= MAX_KEY_LENGTH && key.isWellFormed() && !key.includes('\0')) return key;
  throw new GovernsaiError(
    'VALIDATION_FAILED',
    `${name}: must have 1 to ${MAX_KEY_LENGTH} characters, none of them U+0000 or a lone surrogate`,
    { path: name },
  );
}
