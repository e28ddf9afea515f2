import { type KeyObject, sign, verify } from 'node:crypto';
import { publicKeyOf, readPublicKey, type TrustedKey } from './keys.ts';
import type { Checkpoint, SignedCheckpoint } from './lines.ts';

/**
 * The bytes that a checkpoint's signature covers, in UTF-8: six lines, each ended by a line feed. The first keeps a
 * signature made for something else from being taken for one of a checkpoint.
 */
export function checkpointMessage(checkpoint: Checkpoint): string {
  const { orgId, seq, head, at, keyId } = checkpoint;
  return `governsai-checkpoint-v1\n${orgId}\n${seq}\n${head}\n${at}\n${keyId}\n`;
}

/** Signs where a chain stands. Throws KeyError when the key is no Ed25519 private key. */
export function signCheckpoint(head: Omit<Checkpoint, 'keyId'>, privateKey: KeyObject): SignedCheckpoint {
  const { id, publicKey } = publicKeyOf(privateKey);
  const { orgId, seq, head: hash, at } = head;
  const checkpoint: Checkpoint = { orgId, seq, head: hash, at, keyId: id };
  const signature = sign(null, Buffer.from(checkpointMessage(checkpoint)), privateKey).toString('base64');
  return { checkpoint, publicKey, signature };
}

/**
 * Whether a checkpoint is whole: signed by the key it carries, which is the one its keyId names. That alone vouches for
 * nothing, because anybody can make a key; see {@link isTrusted}. Never throws.
 */
export function verifyCheckpoint(signed: SignedCheckpoint): boolean {
  const signature = Buffer.from(signed.signature, 'base64');
  if (signature.toString('base64') !== signed.signature) return false;
  let key: TrustedKey;
  try {
    key = readPublicKey(signed.publicKey);
  } catch {
    return false;
  }
  // Read from PEM or with white space it would be a key too; the format takes the 44 characters only.
  if (key.publicKey !== signed.publicKey || key.id !== signed.checkpoint.keyId) return false;
  return verify(null, Buffer.from(checkpointMessage(signed.checkpoint)), key.key, signature);
}

/** Whether one of the keys made this checkpoint, given that {@link verifyCheckpoint} said yes. */
export function isTrusted(signed: SignedCheckpoint, keys: readonly TrustedKey[]): boolean {
  return keys.some((key) => key.publicKey === signed.publicKey);
}
