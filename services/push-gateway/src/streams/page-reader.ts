import { LRUCache } from 'lru-cache';
import type { Push } from './ring.ts';

/** Rows of a page. Pages begin at multiples of it, so that clients that resume near each other read the same ones. */
const PAGE_SIZE = 256;
/** How long a page serves others: a wave of reconnections, not longer, for pruned rows are to go. */
const PAGE_TTL_MS = 10_000;

/**
 * Reads pages of stored pushes for many readers: one read of a page at a time, and what was read is kept for a moment. Stored
 * pushes never change, so a page serves whoever asks for something in it; one that is not full is read again for what lies
 * behind its end. After a restart thousands of subscribers resume from nearly the same place; PostgreSQL is asked once.
 */
export class PageReader<Key> {
  readonly #load: (key: Key, afterSeq: number, toSeq: number) => Promise<readonly Push[]>;
  readonly #nameOf: (key: Key) => string;
  readonly #pageSize: number;
  readonly #reading = new Map<string, Promise<readonly Push[]>>();
  readonly #pages: LRUCache<string, readonly Push[]>;

  /** `load` reads the pushes of `afterSeq` < seq ≤ `toSeq`, in order. At most `maxBytes` of pages are kept. */
  constructor(
    load: (key: Key, afterSeq: number, toSeq: number) => Promise<readonly Push[]>,
    nameOf: (key: Key) => string,
    maxBytes: number,
    pageSize = PAGE_SIZE,
  ) {
    this.#pageSize = pageSize;
    this.#load = load;
    this.#nameOf = nameOf;
    this.#pages = new LRUCache({ maxSize: maxBytes, sizeCalculation: sizeOf, ttl: PAGE_TTL_MS });
  }

  /** The pushes after `seq` in its page, as {@link StreamSource.after} promises them. */
  async after(key: Key, seq: number): Promise<readonly Push[]> {
    const begin = Math.floor(seq / this.#pageSize) * this.#pageSize;
    const name = `${this.#nameOf(key)}:${begin}`;
    const known = this.#pages.get(name);
    const page = known && (known.at(-1)?.seq ?? 0) > seq ? known : await this.#read(name, key, begin);
    const first = page.findIndex((push) => push.seq > seq);
    return first < 0 ? [] : page.slice(first);
  }

  #read(name: string, key: Key, begin: number): Promise<readonly Push[]> {
    const shared = this.#reading.get(name);
    if (shared) return shared;
    const reading = this.#load(key, begin, begin + this.#pageSize)
      .then((page) => {
        if (page.length > 0) this.#pages.set(name, page);
        return page;
      })
      .finally(() => this.#reading.delete(name));
    this.#reading.set(name, reading);
    return reading;
  }
}

function sizeOf(page: readonly Push[]): number {
  return page.reduce((sum, { bytes }) => sum + bytes, 1);
}
