import { LRUCache } from 'lru-cache';

/** Where a decision id is known from: its body, by hash. */
export interface KnownKeys {
  /** The body hash that Kafka confirmed under the id; undefined when this replica has not seen it, or no longer. */
  get(decisionId: string): string | undefined;
  /** To be called only once Kafka has confirmed: what is remembered answers `dedup: true`. */
  remember(decisionId: string, bodyHash: string): void;
}

/** The last `max` ids that this replica saw confirmed. */
export function createKnownKeys(max: number): KnownKeys {
  const cache = new LRUCache<string, string>({ max });
  return {
    get: (decisionId) => cache.get(decisionId),
    remember: (decisionId, bodyHash) => void cache.set(decisionId, bodyHash),
  };
}
