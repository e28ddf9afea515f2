/** What metrics say of an org that has no label of its own. */
const OTHER = 'other';
/** Orgs whose use is followed, for each that gets a label: enough to notice one that is growing. */
const FOLLOWED_FOR_EACH = 10;
const ROUND_MS = 60_000;
/** Weight that use keeps from one round to the next: what counts is about the last ten minutes. */
const DECAY = 0.9;

let top = 0;
let weights = new Map<string, number>();
let labelled = new Set<string>();
let roundEnds = 0;
const dropped: ((orgId: string) => void)[] = [];

/**
 * How many orgs have a label of their own in metrics; all others are `other`. 0, as at the start: none, and nothing is
 * followed. The number bounds what every metric with such a label can grow to.
 */
export function setTopOrgs(count: number): void {
  top = count;
  weights = new Map();
  labelled = new Set();
  roundEnds = 0;
}

/** Has `drop` called with each org that has lost its label: its series are to be removed. */
export function followOrgs(drop: (orgId: string) => void): void {
  dropped.push(drop);
}

/**
 * The label of an org: its id while it is among the most used, else `other`; null when orgs have no labels. `use` says how
 * much it was used since the last call. An org that gains a label begins a new series at 0, so that no series ever falls.
 */
export function orgLabel(orgId: string, use = 1, now = Date.now()): string | null {
  if (top === 0) return null;
  if (now >= roundEnds) endRound(now);
  const known = weights.get(orgId);
  if (known !== undefined || weights.size < top * FOLLOWED_FOR_EACH) weights.set(orgId, (known ?? 0) + use);
  if (labelled.has(orgId)) return orgId;
  if (labelled.size >= top) return OTHER;
  labelled.add(orgId);
  return orgId;
}

function endRound(now: number): void {
  roundEnds = now + ROUND_MS;
  const ranked = [...weights].sort(([, a], [, b]) => b - a);
  const next = new Set(ranked.slice(0, top).map(([orgId]) => orgId));
  for (const orgId of labelled) if (!next.has(orgId)) for (const drop of dropped) drop(orgId);
  labelled = next;
  // Half of the places stay free for orgs that were not followed yet.
  const kept = ranked.slice(0, Math.ceil((top * FOLLOWED_FOR_EACH) / 2));
  weights = new Map(
    kept.map(([orgId, weight]) => [orgId, weight * DECAY] as const).filter(([, weight]) => weight > 0.01),
  );
}
