/** Seqs of one org from `from` to `to`, both included. */
export interface Range {
  orgId: string;
  from: number;
  to: number;
}

/** Anything with a place in an org's order. */
export interface Placed {
  orgId: string;
  seq: number;
}

/** What to do with the decisions that arrived. */
export interface Plan<T extends Placed> {
  /** At or below their org's cursor: counted before, or skipped. */
  seen: T[];
  /** To be counted now, in seq order of each org, each seq once. */
  fresh: T[];
  /** What is missing before or between `fresh`, to be read from the table. */
  holes: Range[];
  /** To be planned again once the holes before them are filled. */
  left: T[];
  /** By org: where its cursor stands when fresh decisions and holes are done. */
  reach: Map<string, number>;
}

/**
 * Compares arrivals with the cursors of their orgs (an org without one stands at 0). Of one seq the first arrival is taken. At most `maxHoles` missing seqs are
 * planned, so that a reader far behind catches up in bounded transactions.
 */
export function planSequence<T extends Placed>(
  cursors: ReadonlyMap<string, number>,
  arrivals: readonly T[],
  maxHoles: number,
): Plan<T> {
  const plan: Plan<T> = { seen: [], fresh: [], holes: [], left: [], reach: new Map() };
  let allowance = maxHoles;
  for (const arrival of inOrder(arrivals)) {
    const { orgId, seq } = arrival;
    const cursor = cursors.get(orgId) ?? 0;
    const at = plan.reach.get(orgId) ?? cursor;
    if (seq <= cursor) {
      plan.seen.push(arrival);
    } else if (seq === at + 1) {
      plan.fresh.push(arrival);
      plan.reach.set(orgId, seq);
    } else if (seq > at) {
      const to = Math.min(seq - 1, at + allowance);
      if (to > at) plan.holes.push({ orgId, from: at + 1, to });
      allowance -= to - at;
      const filled = to === seq - 1;
      (filled ? plan.fresh : plan.left).push(arrival);
      plan.reach.set(orgId, filled ? seq : to);
    }
  }
  return plan;
}

/** Sorted by org, then by seq. */
export function inOrder<T extends Placed>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.orgId === b.orgId ? a.seq - b.seq : a.orgId < b.orgId ? -1 : 1));
}
