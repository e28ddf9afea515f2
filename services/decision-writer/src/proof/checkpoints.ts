import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Database } from '@governsai/db';
import { KeyError, publicKeyOf, signCheckpoint } from '@governsai/verifier';
import { chainBounds, insertCheckpoint } from './chain-store.ts';

// Orgs signed for in one round; the next round takes those that have waited longest.
const ORGS_A_ROUND = 1000;

/** Reads the private key that signs checkpoints. Throws KeyError with what to do when it is no Ed25519 key in PEM. */
export function readSigningKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new KeyError('CHECKPOINT_KEY is no private key in PEM; make one with: openssl genpkey -algorithm ed25519', {
      cause,
    });
  }
  publicKeyOf(key);
  return key;
}

/** Signs where the chains stand that have grown since their last checkpoint. Returns how many. */
export async function signCheckpoints(db: Database, key: KeyObject, now: () => Date): Promise<number> {
  const orgs = await db.system.query<{ org_id: string }>('SELECT org_id FROM orgs_to_checkpoint($1, $2)', [
    publicKeyOf(key).id,
    ORGS_A_ROUND,
  ]);
  for (const { org_id: orgId } of orgs) {
    await db.transaction([orgId], async (tx) => {
      const { head } = await chainBounds(tx, orgId);
      await insertCheckpoint(
        tx,
        signCheckpoint({ orgId, seq: head.seq, head: head.hash, at: now().toISOString() }, key),
      );
    });
  }
  return orgs.length;
}
