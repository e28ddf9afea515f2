import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/** An Ed25519 public key that an auditor trusts. */
export interface TrustedKey {
  /** First 16 hex digits of the SHA-256 of the raw public key. */
  id: string;
  /** The 32 raw bytes in base64. */
  publicKey: string;
  key: KeyObject;
}

/** A key that cannot be used; the message says which forms are taken. */
export class KeyError extends Error {
  override name = 'KeyError';
}

const RAW_LENGTH = 32;
const TAKEN = 'give an Ed25519 public key as PEM ("BEGIN PUBLIC KEY") or as the base64 of its 32 raw bytes';

/** Names a raw public key: the first 16 hex digits of its SHA-256. */
export function keyIdOf(rawPublicKey: Uint8Array): string {
  return createHash('sha256').update(rawPublicKey).digest('hex').slice(0, 16);
}

/** Reads a public key from PEM (SPKI) or from the base64 of its raw bytes. Throws {@link KeyError}. */
export function readPublicKey(text: string): TrustedKey {
  const trimmed = text.trim();
  if (trimmed.includes('PRIVATE KEY')) throw new KeyError(`this is a private key: keep it where it is and ${TAKEN}`);
  return trimmed.startsWith('-----') ? fromPem(trimmed) : fromRaw(trimmed);
}

/** The public half of an Ed25519 key, public or private. Throws {@link KeyError} for another kind of key. */
export function publicKeyOf(key: KeyObject): TrustedKey {
  if (key.asymmetricKeyType !== 'ed25519') throw new KeyError(`this key is no Ed25519 key: ${TAKEN}`);
  const half = key.type === 'private' ? createPublicKey(key) : key;
  const raw = Buffer.from(half.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { id: keyIdOf(raw), publicKey: raw.toString('base64'), key: half };
}

function fromPem(pem: string): TrustedKey {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new KeyError(`the PEM does not hold a public key: ${TAKEN}`, { cause });
  }
  return publicKeyOf(key);
}

function fromRaw(base64: string): TrustedKey {
  const raw = Buffer.from(base64, 'base64');
  // Buffer ignores what is not base64; only what it writes back itself is taken.
  if (raw.length !== RAW_LENGTH || raw.toString('base64') !== base64) {
    throw new KeyError(`the text is not the base64 of 32 bytes: ${TAKEN}`);
  }
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') } });
  return { id: keyIdOf(raw), publicKey: base64, key };
}
