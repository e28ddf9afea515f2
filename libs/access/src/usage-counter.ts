import type { Principal } from '@governsai/contracts';

/** How often a key was used since it was last reported. */
export interface KeyUse {
  orgId: string;
  keyId: string;
  uses: number;
  /** RFC 3339 UTC. */
  lastUsedAt: string;
}

/** Counts the uses of keys in memory, so that a use costs no write. */
export class UsageCounter {
  #counts = new Map<string, { orgId: string; keyId: string; uses: number; last: number }>();

  /** Counts uses of the principal's key; a session has none. */
  add({ orgId, keyId }: Principal, uses: number, now: number): void {
    if (keyId === null) return;
    const id = `${orgId} ${keyId}`;
    const count = this.#counts.get(id);
    if (count) {
      count.uses += uses;
      count.last = now;
    } else {
      this.#counts.set(id, { orgId, keyId, uses, last: now });
    }
  }

  /** Hands out at most `limit` counts and forgets them; put back what could not be reported. */
  take(limit: number): KeyUse[] {
    const taken: KeyUse[] = [];
    for (const [id, { orgId, keyId, uses, last }] of this.#counts) {
      if (taken.length >= limit) break;
      this.#counts.delete(id);
      taken.push({ orgId, keyId, uses, lastUsedAt: new Date(last).toISOString() });
    }
    return taken;
  }

  putBack(counts: readonly KeyUse[]): void {
    for (const { orgId, keyId, uses, lastUsedAt } of counts) {
      const id = `${orgId} ${keyId}`;
      const last = Date.parse(lastUsedAt);
      const newer = this.#counts.get(id);
      this.#counts.set(id, { orgId, keyId, uses: uses + (newer?.uses ?? 0), last: Math.max(last, newer?.last ?? 0) });
    }
  }
}
