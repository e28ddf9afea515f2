import type { DecisionsSubmitted } from '@governsai/contracts';
import { type ChainHead, type ChainLink, type LinkOptions, nextLink, type SubmittedDecision } from './chain.ts';

export type SubmittedEvent = Exclude<DecisionsSubmitted, SubmittedDecision>;

/** Stored in place of the body hash of a decision whose person was erased: any body is a repeat of it. */
export const ERASED_BODY = '';

/** What a batch does to the database, decided before anything is written. */
export interface BatchPlan<Item> {
  links: ChainLink[];
  events: SubmittedEvent[];
  /** The new heads of the orgs that grew. */
  heads: Map<string, ChainHead>;
  /** Items whose idempotency key is taken by another body: the first stored one stands. */
  conflicts: Item[];
  /** Items that were stored before, or stand twice in the batch. */
  duplicates: number;
}

/** The key under which a stored id is looked up: ids are unique within their org. */
export function idKey(orgId: string, decisionId: string): string {
  return `${orgId}/${decisionId}`;
}

/**
 * Decides what each item of a batch becomes, in the order given (offsets ascending), so that of two with one key the
 * lower offset wins. `known` maps {@link idKey} to the body hash that is stored; `heads` must hold every org of the batch.
 * Neither is changed. Throws when an org has no head.
 */
export function planBatch<Item extends { value: DecisionsSubmitted }>(
  items: readonly Item[],
  heads: ReadonlyMap<string, ChainHead>,
  known: ReadonlyMap<string, string>,
  options: LinkOptions,
): BatchPlan<Item> {
  const plan: BatchPlan<Item> = { links: [], events: [], heads: new Map(), conflicts: [], duplicates: 0 };
  const added = new Map<string, string>();
  for (const item of items) {
    const submitted = item.value;
    const key = idKey(submitted.orgId, submitted.decisionId);
    const storedBody = known.get(key) ?? added.get(key);
    if (storedBody !== undefined) {
      if (storedBody === submitted.bodyHash || storedBody === ERASED_BODY) plan.duplicates++;
      else plan.conflicts.push(item);
      continue;
    }
    added.set(key, submitted.bodyHash);
    if (submitted.schema !== 'decision.v1') {
      plan.events.push(submitted);
      continue;
    }
    const head = plan.heads.get(submitted.orgId) ?? heads.get(submitted.orgId);
    if (!head) throw new Error(`org ${submitted.orgId} has no chain head: it must be inserted before planning`);
    const link = nextLink(submitted, head, options);
    plan.links.push(link);
    plan.heads.set(submitted.orgId, { lastSeq: link.record.seq, headHash: link.hash });
  }
  return plan;
}
