import { type Database, isDataError, type Sql } from '@governsai/db';
import { Counter, type Logger } from '@governsai/service';
import { countDecisions } from './counting.ts';
import { fromRow, type Recorded } from './domain/recorded.ts';
import { inOrder, type Placed, type Plan, planSequence, type Range } from './domain/sequence.ts';
import { addSkipped, lockCursors, moveCursors, takeSkipped } from './store/cursors.ts';
import { databaseTime } from './store/database-time.ts';
import { type ChainEnds, readChainEnds, readDecisions } from './store/decisions.ts';
import type { Definitions } from './store/definitions.ts';

/** Decisions read from the table in one transaction: a reader far behind catches up in steps. */
const MAX_HOLES = 2_000;

const decisionsTotal = new Counter({
  name: 'governsai_tracker_decisions_total',
  help: 'Decisions by what became of them: counted, filled (counted from the table), seen (counted before), foreign, skipped.',
  labelNames: ['outcome'],
});
// A counter that first appears with its first count would hide that count from a rate.
for (const outcome of ['counted', 'filled', 'seen', 'foreign', 'skipped']) decisionsTotal.inc({ outcome }, 0);

/** A decision on its way into the ledgers, and where it came from: what to dead-letter when it cannot be counted. */
export interface Arrival<Source> extends Placed {
  recorded: Recorded;
  /** Null when it was read from the table. */
  source: Source | null;
}

export interface TrackerOptions<Source> {
  db: Database;
  log: Logger;
  /** What it remembers of budgets; one for all trackers of a process. */
  definitions: Definitions;
  /** Milliseconds since the epoch; the database's own unless given. */
  clock?: (() => number) | undefined;
  /** Gives a decision up; resolves when that is confirmed. */
  giveUp(source: Source, reason: string, error: unknown): Promise<void>;
}

/** What one transaction did, and left to do. */
interface Step<Source> {
  left: Arrival<Source>[];
  foreign: Arrival<Source>[];
  outcomes: Record<'counted' | 'filled' | 'seen' | 'skipped', number>;
}

/** The database refused a row of these decisions, which are complete: nothing is missing before or between them. */
class RefusedError<Source> extends Error {
  readonly arrivals: readonly Arrival<Source>[];

  constructor(arrivals: readonly Arrival<Source>[], cause: unknown) {
    super('the database refused a row', { cause });
    this.name = 'RefusedError';
    this.arrivals = arrivals;
  }
}

/**
 * Counts each stored decision of an org exactly once, in seq order, whatever is repeated, missing or interrupted (G5).
 * A decision whose row the database refuses is given up and noted as skipped; if it arrives again later, it is counted then.
 */
export class Tracker<Source> {
  readonly #options: TrackerOptions<Source>;

  constructor(options: TrackerOptions<Source>) {
    this.#options = options;
  }

  /** Counts arrivals in bounded transactions; `between` is called after each. All are settled when this resolves. */
  async track(arrivals: readonly Arrival<Source>[], between: () => Promise<void>): Promise<void> {
    let pending = arrivals;
    while (pending.length > 0) {
      try {
        const { left, foreign, outcomes } = await this.#step(pending);
        for (const [outcome, count] of Object.entries(outcomes)) decisionsTotal.inc({ outcome }, count);
        for (const arrival of foreign) await this.#refuse(arrival);
        pending = left;
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        const refused = error.arrivals as readonly Arrival<Source>[];
        await this.#isolate(refused, error.cause, between);
        const settled = new Set(refused.map(placeKey));
        pending = pending.filter((arrival) => !settled.has(placeKey(arrival)));
      }
      await between();
    }
  }

  async #step(arrivals: readonly Arrival<Source>[]): Promise<Step<Source>> {
    const { db, clock, definitions } = this.#options;
    const orgIds = [...new Set(arrivals.map((arrival) => arrival.orgId))].sort();
    let counting: Arrival<Source>[] = [];
    try {
      return await db.transaction(orgIds, async (tx) => {
        const { plan, foreign, ends } = await planArrivals(tx, orgIds, arrivals);
        const { filled, lost } = await this.#fill(tx, plan.holes, ends);
        const again = plan.seen.length === 0 ? [] : await takeSkipped(tx, plan.seen);
        counting = inOrder([...again, ...plan.fresh, ...filled]);
        await countDecisions(
          tx,
          counting.map((arrival) => arrival.recorded),
          {
            definitions,
            now: clock?.() ?? (await databaseTime(tx)),
          },
        );
        if (lost.length > 0) await addSkipped(tx, lost);
        await moveCursors(tx, plan.reach);
        return {
          left: plan.left,
          foreign,
          outcomes: {
            counted: plan.fresh.length + again.length,
            filled: filled.length,
            seen: plan.seen.length - again.length,
            skipped: lost.length,
          },
        };
      });
    } catch (error) {
      if (isDataError(error) && counting.length > 0) throw new RefusedError(counting, error);
      throw error;
    }
  }

  /** Reads what is missing from the table. What cannot be read, though it was not pruned, is lost to the ledgers. */
  async #fill(
    tx: Sql,
    holes: readonly Range[],
    ends: ReadonlyMap<string, ChainEnds>,
  ): Promise<{ filled: Arrival<Source>[]; lost: Placed[] }> {
    if (holes.length === 0) return { filled: [], lost: [] };
    const rows = new Map((await readDecisions(tx, holes)).map((row) => [placeKey(row), row]));
    const filled: Arrival<Source>[] = [];
    const lost: Placed[] = [];
    for (const { orgId, from, to } of holes) {
      for (let seq = Math.max(from, ends.get(orgId)?.firstSeq ?? 1); seq <= to; seq++) {
        try {
          const row = rows.get(placeKey({ orgId, seq }));
          if (row === undefined) throw new Error('there is no such row in the table decisions');
          filled.push({ orgId, seq, recorded: fromRow(row.record, row.hash, row.person), source: null });
        } catch (error) {
          this.#options.log.error(
            { err: error, orgId, seq },
            'a decision cannot be read and is not counted; see tracker_skipped',
          );
          lost.push({ orgId, seq });
        }
      }
    }
    return { filled, lost };
  }

  /** Halves what the database refused until the one at fault stands alone, and skips that. */
  async #isolate(refused: readonly Arrival<Source>[], cause: unknown, between: () => Promise<void>): Promise<void> {
    const [first] = refused;
    if (first !== undefined && refused.length === 1) return this.#skip(first, cause);
    const middle = Math.ceil(refused.length / 2);
    await this.track(refused.slice(0, middle), between);
    await this.track(refused.slice(middle), between);
  }

  async #skip(arrival: Arrival<Source>, cause: unknown): Promise<void> {
    const { db, log, giveUp } = this.#options;
    const { orgId, seq, source } = arrival;
    log.error(
      { err: cause, orgId, seq },
      'a decision cannot be counted and is skipped; redrive it when the cause is mended',
    );
    if (source !== null) await giveUp(source, 'the database refuses what it would book', cause);
    await db.transaction([orgId], async (tx) => {
      const cursor = (await lockCursors(tx, [orgId])).get(orgId) ?? 0;
      const skipped: Placed[] = [arrival];
      // Only what is lost can be left below it: everything else was settled before.
      for (let lost = cursor + 1; lost < seq; lost++) skipped.push({ orgId, seq: lost });
      await addSkipped(tx, skipped);
      await moveCursors(tx, new Map([[orgId, seq]]));
    });
    decisionsTotal.inc({ outcome: 'skipped' });
  }

  /** Gives up an event whose decision is not in the table: moving the cursor up to it would lose the real ones below. */
  async #refuse(arrival: Arrival<Source>): Promise<void> {
    const { log, giveUp } = this.#options;
    const error = new Error(`seq ${arrival.seq} is beyond the end of the chain of org ${arrival.orgId}`);
    log.error(
      { err: error, orgId: arrival.orgId, seq: arrival.seq },
      'an event does not belong to this database and is given up',
    );
    if (arrival.source !== null) await giveUp(arrival.source, 'the decision is not in the database', error);
    decisionsTotal.inc({ outcome: 'foreign' });
  }
}

/** Locks the cursors and plans by them. Events beyond the end of a chain with holes are set apart as foreign. */
async function planArrivals<T extends Placed>(
  tx: Sql,
  orgIds: readonly string[],
  arrivals: readonly T[],
): Promise<{ plan: Plan<T>; foreign: T[]; ends: Map<string, ChainEnds> }> {
  const cursors = await lockCursors(tx, orgIds);
  const plan = planSequence(cursors, arrivals, MAX_HOLES);
  if (plan.holes.length === 0) return { plan, foreign: [], ends: new Map() };
  const ends = await readChainEnds(tx, [...new Set(plan.holes.map((hole) => hole.orgId))]);
  const gapped = new Set(plan.holes.map((hole) => hole.orgId));
  const isForeign = (one: T) => gapped.has(one.orgId) && one.seq > (ends.get(one.orgId)?.lastSeq ?? 0);
  const foreign = arrivals.filter(isForeign);
  if (foreign.length === 0) return { plan, foreign, ends };
  const ours = arrivals.filter((one) => !isForeign(one));
  return { plan: planSequence(cursors, ours, MAX_HOLES), foreign, ends };
}

function placeKey({ orgId, seq }: Placed): string {
  return `${orgId} ${seq}`;
}
