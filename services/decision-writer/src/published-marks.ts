import type { Database } from '@governsai/db';
import { type PublishedMark, savePublished } from './store.ts';

/** What is published again at most after a crash, in ms. Far below the age at which the sweep takes an org for left behind. */
export const SAVE_MARKS_MS = 100;

// Orgs in one transaction: their names go into its scope.
const ORGS_AT_ONCE = 500;

/**
 * How far each org has been published, as far as PostgreSQL may not know it yet. A mark that is lost with the process costs a
 * repeat, which readers drop by seq; so batches do not wait for it, and it is saved for many of them at once.
 */
export class PublishedMarks {
  // Only what is not saved: as many as there are orgs with decisions in one interval.
  readonly #unsaved = new Map<string, PublishedMark>();

  constructor(private readonly db: Database) {}

  /** The mark of an org that stands at `saved` in PostgreSQL. */
  of(orgId: string, saved: number): number {
    return Math.max(saved, this.#unsaved.get(orgId)?.to ?? 0);
  }

  /** Kafka has confirmed everything of the org up to `to`; PostgreSQL's mark stood at `saved`, or has been moved since. */
  move(orgId: string, saved: number, to: number): void {
    const before = this.#unsaved.get(orgId);
    if (!before) this.#unsaved.set(orgId, { orgId, from: saved, to });
    else if (before.to < to) this.#unsaved.set(orgId, { ...before, to });
  }

  /**
   * Writes what is not saved, but for orgs that are being recorded right now: the next call tries again, as it does when this
   * one rejects because PostgreSQL does not take it.
   */
  async save(): Promise<void> {
    const all = [...this.#unsaved.values()];
    for (let at = 0; at < all.length; at += ORGS_AT_ONCE) {
      const marks = new Map(all.slice(at, at + ORGS_AT_ONCE).map((mark) => [mark.orgId, mark]));
      const saved = await this.db.transaction([...marks.keys()], (tx) => savePublished(tx, [...marks.values()]));
      for (const orgId of saved) {
        // One that has moved meanwhile is another object, and stays.
        if (this.#unsaved.get(orgId) === marks.get(orgId)) this.#unsaved.delete(orgId);
      }
    }
  }
}
