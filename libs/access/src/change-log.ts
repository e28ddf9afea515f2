import { LRUCache } from 'lru-cache';

/** Orgs whose last change is remembered one by one; of all others only the latest is. */
const REMEMBERED_ORGS = 10_000;
const MAX_OUT_OF_ORDER = 10_000;

/**
 * What has been heard of access versions. Versions count the changes of all orgs one by one, so a version that auth names
 * tells whether a change was missed. Changes of different orgs may come in any order.
 */
export class ChangeLog {
  #lastOfOrg = this.#newMemory();
  /** No answer below this is good for any org. */
  #floor = 0;
  /** Every change up to here has been heard; null before the first `settle`. */
  #complete: number | null = null;
  /** Changes heard above `#complete`. */
  readonly #ahead = new Set<number>();
  #latest = 0;

  /** The highest version heard of, by whichever way. */
  get latest(): number {
    return this.#latest;
  }

  /** False until the first {@link settle}: changes are followed from there on. */
  get hasBegun(): boolean {
    return this.#complete !== null;
  }

  /** True while a version was named whose change has not been heard. */
  get hasGap(): boolean {
    return this.#complete !== null && this.#latest > this.#complete;
  }

  /** The lowest version an answer about the org must have to be used. */
  minimumFor(orgId: string): number {
    return Math.max(this.#floor, this.#lastOfOrg.get(orgId) ?? 0);
  }

  /** Auth named its version: by a heartbeat or in an answer. */
  named(version: number): void {
    this.#latest = Math.max(this.#latest, version);
  }

  /** A change of an org was heard. */
  heard(orgId: string, version: number): void {
    this.named(version);
    this.#lastOfOrg.set(orgId, Math.max(version, this.#lastOfOrg.get(orgId) ?? 0));
    if (this.#complete === null || version <= this.#complete) return;
    this.#ahead.add(version);
    while (this.#ahead.delete(this.#complete + 1)) this.#complete++;
    if (this.#ahead.size > MAX_OUT_OF_ORDER) this.#ahead.clear();
  }

  /** Whatever was missed is made up for: answers below the latest version are not used any more. Returns that version. */
  settle(): number {
    this.#floor = this.#complete = this.#latest;
    this.#ahead.clear();
    return this.#latest;
  }

  /** Auth's versions went back, as after the restore of an older database: starts over from this one. */
  restart(version: number): void {
    this.#lastOfOrg = this.#newMemory();
    this.#latest = version;
    this.settle();
  }

  #newMemory(): LRUCache<string, number> {
    return new LRUCache<string, number>({
      max: REMEMBERED_ORGS,
      dispose: (version, _orgId, reason) => {
        if (reason === 'evict') this.#floor = Math.max(this.#floor, version);
      },
    });
  }
}
