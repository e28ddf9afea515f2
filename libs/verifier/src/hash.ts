import { createHash } from 'node:crypto';

/** `prevHash` of an org's first record. */
export const GENESIS_HASH = '0'.repeat(64);

/** SHA-256 of text in UTF-8, as 64 lower-case hex digits. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
