import type { DecisionsSubmitted } from '@governsai/contracts';
import { type Database, isDataError, isUniqueViolation } from '@governsai/db';
import type { ChainLink } from './chain.ts';
import { planBatch } from './plan.ts';
import type { PolicyCache } from './policies/cache.ts';
import { raiseContradictions } from './policies/contradictions.ts';
import { insertRawTexts } from './raw-texts.ts';
import { appendLinks, insertEvents, insertMissingHeads, startBatch } from './store.ts';

/** One org of a recorded batch: what is still to be published, and the part of it that is in memory. */
export interface RecordedOrg {
  orgId: string;
  /** The mark as PostgreSQL has it: everything above it may still have to be published. */
  publishedSeq: number;
  lastSeq: number;
  /** The links this batch added, in order, ending at `lastSeq`. */
  links: ChainLink[];
}

export interface RecordOutcome<Item> {
  orgs: RecordedOrg[];
  conflicts: Item[];
  /** Items that PostgreSQL refused for what they contain, each alone, with its error. */
  refused: { item: Item; error: unknown }[];
  recorded: number;
  duplicates: number;
}

// A unique violation means another writer stored the same key in between: looking again finds it. More than this many
// in a row cannot be a race.
const MAX_REPEATS = 3;
const MAX_REMEMBERED_HEADS = 100_000;

/** Stores batches of submitted messages: each batch is one transaction that locks the heads of its orgs. */
export class Recorder {
  // Orgs whose head exists, so that the usual batch saves a statement.
  private readonly withHead = new Set<string>();

  constructor(
    private readonly db: Database,
    private readonly policies: PolicyCache,
    /** Called when events wait in the outbox. */
    private readonly onOutbox: () => void,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /**
   * Stores what is new of the items (offsets ascending). An item that PostgreSQL refuses for its content is found by
   * halving the batch and returned as refused; the rest is stored. Rejects for any other database error: then nothing
   * of the failed transaction is stored, and the same call may be repeated.
   */
  async record<Item extends { value: DecisionsSubmitted }>(items: readonly Item[]): Promise<RecordOutcome<Item>> {
    for (let repeat = 0; ; repeat++) {
      try {
        return await this.recordOnce(items);
      } catch (error) {
        if (isUniqueViolation(error) && repeat < MAX_REPEATS) continue;
        if (!isDataError(error)) throw error;
        const first = items[0];
        if (items.length === 1 && first) {
          return { orgs: [], conflicts: [], refused: [{ item: first, error }], recorded: 0, duplicates: 0 };
        }
        // In order, because of two items with one key the lower offset must win.
        const middle = Math.ceil(items.length / 2);
        const before = await this.record(items.slice(0, middle));
        return merge(before, await this.record(items.slice(middle)));
      }
    }
  }

  private async recordOnce<Item extends { value: DecisionsSubmitted }>(
    items: readonly Item[],
  ): Promise<RecordOutcome<Item>> {
    const orgIds = [...new Set(items.map((item) => item.value.orgId))].sort();
    const recordedAt = this.now().toISOString();
    let raised = false;
    const outcome = await this.db.transaction(orgIds, async (tx) => {
      const missing = orgIds.filter((orgId) => !this.withHead.has(orgId));
      if (missing.length > 0) await insertMissingHeads(tx, missing);
      const { heads, known } = await startBatch(
        tx,
        orgIds,
        items.map((item) => item.value.orgId),
        items.map((item) => item.value.decisionId),
      );
      if (heads.size < orgIds.length) {
        this.withHead.clear();
        throw new Error('a chain head has gone since it was last seen; the next try makes it again');
      }
      const policies = await this.policies.forHeads(tx, heads);
      const plan = planBatch(items, heads, known, {
        recordedAt,
        judge: (submitted, person) => this.policies.judge(policies, submitted, person),
      });
      await appendLinks(tx, plan.links, plan.heads);
      await insertEvents(tx, plan.events, recordedAt);
      await insertRawTexts(tx, items, plan, recordedAt);
      if (await raiseContradictions(tx, plan.links, recordedAt)) raised = true;
      const linksByOrg = groupByOrg(plan.links);
      return {
        orgs: [...heads].map(([orgId, head]) => ({
          orgId,
          publishedSeq: head.publishedSeq,
          lastSeq: plan.heads.get(orgId)?.lastSeq ?? head.lastSeq,
          links: linksByOrg.get(orgId) ?? [],
        })),
        conflicts: plan.conflicts,
        refused: [],
        recorded: plan.links.length + plan.events.length,
        duplicates: plan.duplicates,
      };
    });
    if (this.withHead.size > MAX_REMEMBERED_HEADS) this.withHead.clear();
    for (const orgId of orgIds) this.withHead.add(orgId);
    if (raised) this.onOutbox();
    return outcome;
  }
}

function groupByOrg(links: readonly ChainLink[]): Map<string, ChainLink[]> {
  const groups = new Map<string, ChainLink[]>();
  for (const link of links) {
    const group = groups.get(link.record.orgId);
    if (group) group.push(link);
    else groups.set(link.record.orgId, [link]);
  }
  return groups;
}

/** Two outcomes, one after the other. Of an org in both, the first mark and all links count. */
function merge<Item>(first: RecordOutcome<Item>, second: RecordOutcome<Item>): RecordOutcome<Item> {
  const orgs = new Map(first.orgs.map((org) => [org.orgId, org]));
  for (const org of second.orgs) {
    const before = orgs.get(org.orgId);
    orgs.set(
      org.orgId,
      before ? { ...org, publishedSeq: before.publishedSeq, links: [...before.links, ...org.links] } : org,
    );
  }
  return {
    orgs: [...orgs.values()],
    conflicts: [...first.conflicts, ...second.conflicts],
    refused: [...first.refused, ...second.refused],
    recorded: first.recorded + second.recorded,
    duplicates: first.duplicates + second.duplicates,
  };
}
