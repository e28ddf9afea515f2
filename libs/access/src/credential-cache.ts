import type { Principal } from '@governsai/contracts';
import { LRUCache } from 'lru-cache';
import { type AccessChange, concerns } from './change.ts';

interface Entry {
  principal: Principal;
  /** Access version of the state the answer was read from. */
  version: number;
}

/** The verified credentials, by their SHA-256, at most `size`: the least recently used go first. */
export class CredentialCache {
  readonly #entries: LRUCache<string, Entry>;
  readonly #idsByOrg = new Map<string, Set<string>>();

  constructor(size: number) {
    this.#entries = new LRUCache({ max: size, dispose: (entry, id) => this.#unlist(id, entry.principal.orgId) });
  }

  get(id: string): Principal | undefined {
    return this.#entries.get(id)?.principal;
  }

  set(id: string, principal: Principal, version: number): void {
    // An entry that is replaced is disposed of first: listed anew only after that.
    this.#entries.set(id, { principal, version });
    const ids = this.#idsByOrg.get(principal.orgId);
    if (ids) ids.add(id);
    else this.#idsByOrg.set(principal.orgId, new Set([id]));
  }

  delete(id: string): void {
    this.#entries.delete(id);
  }

  /** Drops what a change of `version` of one org may concern. */
  dropChanged(change: AccessChange & { orgId: string }, version: number): void {
    for (const id of [...(this.#idsByOrg.get(change.orgId) ?? [])]) {
      const entry = this.#entries.peek(id);
      if (entry && entry.version < version && concerns(change, entry.principal)) this.#entries.delete(id);
    }
  }

  /** Drops every answer of an older version; returns how many. */
  dropOlderThan(version: number): number {
    const before = this.#entries.size;
    for (const [id, entry] of [...this.#entries.entries()]) {
      if (entry.version < version) this.#entries.delete(id);
    }
    return before - this.#entries.size;
  }

  clear(): void {
    this.#entries.clear();
  }

  #unlist(id: string, orgId: string): void {
    const ids = this.#idsByOrg.get(orgId);
    ids?.delete(id);
    if (ids?.size === 0) this.#idsByOrg.delete(orgId);
  }
}
