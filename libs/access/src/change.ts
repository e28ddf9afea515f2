import type { Principal } from '@governsai/contracts';

/** A change that may concern credentials in use. The narrowest member that is there says which ones. */
export interface AccessChange {
  /** Null: any org's. */
  orgId: string | null;
  /** This key of the org; null: not a key's change alone. */
  keyId: string | null;
  /** Without a key: what speaks for this user in the org. */
  userId?: string | undefined;
  /** Without a key: this session of the org. */
  sessionId?: string | undefined;
}

/** Whether a change may concern a principal. */
export function concerns(change: AccessChange, principal: Principal): boolean {
  if (change.orgId !== null && change.orgId !== principal.orgId) return false;
  if (change.keyId !== null) return change.keyId === principal.keyId;
  if (change.sessionId !== undefined) return change.sessionId === principal.sessionId;
  return change.userId === undefined || change.userId === principal.userId;
}
