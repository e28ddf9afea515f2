import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = BigInt(DIGITS.length);
/** 256 bits. */
const RANDOM_BYTES = 32;
const RANDOM_DIGITS = 43;
/** 32 bits. */
const CHECKSUM_DIGITS = 6;

const API_KEY_PREFIX = 'gai_';
/** As many characters of a key as a list of keys shows. */
const SHOWN_CHARACTERS = 12;
// Demo keys and keys of other tools hold "_" or are of another length: only what has exactly our form is checked.
const API_KEY = new RegExp(`^${API_KEY_PREFIX}[0-9A-Za-z]{${RANDOM_DIGITS + CHECKSUM_DIGITS}}$`);

/** A secret just made. Only its hash is ever stored. */
export interface NewSecret {
  secret: string;
  /** SHA-256 of the whole secret, hex. */
  hash: string;
}

/** SHA-256 in hex: under what secrets are stored and looked up. They are too random to need a slow hash. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * A new API key: `gai_`, 43 digits of base 62 that hold 256 random bits, and 6 that hold the CRC-32 of all before them. Secret
 * scanners match it by `gai_[0-9A-Za-z]{49}` and may check the CRC.
 */
export function newApiKey(): NewSecret & { prefix: string } {
  const { secret, hash } = newSecret(API_KEY_PREFIX);
  return { secret, hash, prefix: secret.slice(0, SHOWN_CHARACTERS) };
}

/** An API key made before, for instance in a mounted secret; null when it is none of ours or mistyped. */
export function givenApiKey(secret: string): (NewSecret & { prefix: string }) | null {
  if (!API_KEY.test(secret) || !hasChecksum(secret)) return null;
  return { secret, hash: secretHash(secret), prefix: secret.slice(0, SHOWN_CHARACTERS) };
}

/** Whether this has the form of an API key and a wrong checksum: a typo, told apart without asking anybody. */
export function isMistypedKey(key: string): boolean {
  return API_KEY.test(key) && !hasChecksum(key);
}

/** Secrets that name their org, so that they are looked up within it: refresh tokens, tickets, invitations. */
export type OrgSecretPrefix = 'gar_' | 'gat_' | 'gav_';

/** A new secret of the form `gar_<org>.<random><checksum>`. */
export function newOrgSecret(prefix: OrgSecretPrefix, orgId: string): NewSecret {
  return newSecret(`${prefix}${orgId}.`);
}

/** The org that such a secret names; null when it has another form or a wrong checksum. */
export function orgOfSecret(prefix: OrgSecretPrefix, secret: string): string | null {
  const match = /^(ga[rtv]_)([a-z0-9][a-z0-9-]{0,62})\.[0-9A-Za-z]{49}$/.exec(secret);
  return match?.[1] === prefix && hasChecksum(secret) ? (match[2] as string) : null;
}

function newSecret(head: string): NewSecret {
  const random = base62(BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`), RANDOM_DIGITS);
  const secret = head + random + checksum(head + random);
  return { secret, hash: secretHash(secret) };
}

function hasChecksum(secret: string): boolean {
  return checksum(secret.slice(0, -CHECKSUM_DIGITS)) === secret.slice(-CHECKSUM_DIGITS);
}

function checksum(text: string): string {
  return base62(BigInt(crc32(text)), CHECKSUM_DIGITS);
}

function base62(value: bigint, length: number): string {
  let digits = '';
  for (let rest = value; digits.length < length; rest /= BASE) digits = DIGITS[Number(rest % BASE)] + digits;
  return digits;
}
