import { AppError } from '@governsai/contracts';
import type { Lens } from './lens.ts';
import { type Push, Ring } from './ring.ts';
import type { Head, StreamSource } from './stream-source.ts';
import { type Subscriber, Subscription } from './subscription.ts';
import type { Turns } from './turns.ts';

/** Bytes of pushes that came ahead of a hole. More are let go: they are read from PostgreSQL when their turn comes. */
const MAX_AHEAD_BYTES = 1024 * 1024;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;

export interface StreamOptions {
  source: StreamSource;
  /** Bytes of recent pushes to keep, asked again at each push. */
  ringBytes: () => number;
  /** A socket that is owed more than the ring holds and takes nothing for this long is closed with 4430. */
  slowMs: number;
  /** Shared by all streams: who catches up takes its turn. */
  turns: Turns;
  /** Told of a failed read that is being retried. */
  onReadFailure: (error: unknown) => void;
  /** Waits; a test lets time pass by itself. */
  pause: (ms: number) => Promise<void>;
}

/**
 * One sequence of pushes (an org's decisions, a user's notifications) as this replica sees it: 1, 2, 3 … in order, each
 * once, to every subscriber, whatever Kafka repeats or leaves out (G4).
 *
 * **Position.** `position` is the last seq that was handed to live subscribers. A live message with seq ≤ position is a
 * repeat and dropped; position + 1 is handed on; a later one waits in `#ahead` while the hole before it is read from
 * PostgreSQL. `#target` is the highest seq known to exist. As long as position < target the hole is being filled, so a
 * waiting message may be thrown away when there are too many: the fill goes up to the target and finds it in PostgreSQL,
 * where everything that was published is committed.
 *
 * **Beginning.** Nobody listened before the first subscriber, so the position is read: `org_chains.last_seq`, not
 * `published_seq`. The object is registered, and so receives, before the read. A decision committed when the read took its
 * snapshot has seq ≤ last_seq and lies before the position. Any other is committed after the snapshot, published after its
 * commit, thus written to Kafka after the object was registered, and will be received: nothing falls in between. With
 * `published_seq` something would: a decision can be in Kafka, and have gone past us, before its mark is moved; it would
 * be missed until the next decision showed the hole. What is received before the read returns waits in `#ahead`.
 *
 * **Resume.** A subscription that is not at the position pulls: from the ring when its next seq is there, else pages from
 * PostgreSQL, in slices that take turns with those of others and as fast as its socket takes them, until it has reached the
 * position; in that same slice it joins the live ones. Between the check and the joining nothing can be received, so there is neither a hole nor a repeat,
 * and nothing is buffered for a subscription: the ring is the one buffer for all. The same holds for a live subscription
 * whose socket is backed up: it leaves the live ones and pulls as its socket drains.
 *
 * **Lenses.** What a subscription sees may be less than the stream: its cursor passes over what its lens leaves out, so
 * nothing above depends on the lens.
 *
 * **Missed messages.** After a rejoin or an offset reset {@link recheck} raises the target to the head in PostgreSQL.
 */
export class PushStream {
  readonly #options: StreamOptions;
  readonly #ring: Ring;
  readonly #live = new Set<Subscription>();
  readonly #ahead = new Map<number, Push>();
  readonly #subscriptions = new Set<Subscription>();
  #aheadBytes = 0;
  #opening: Promise<void> | null = null;
  #nextHead: Promise<Head> | null = null;
  #reading: Promise<void> | null = null;
  #isOpen = false;
  #position = 0;
  #target = 0;
  #filling = false;
  #joining = 0;
  #closed = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#ring = new Ring(options.ringBytes);
  }

  /** The last seq handed to live subscribers. Has a meaning once a subscription was made. */
  get position(): number {
    return this.#position;
  }

  /** True while somebody subscribes or is about to. */
  get inUse(): boolean {
    return this.#joining > 0 || this.#subscriptions.size > 0;
  }

  get slowMs(): number {
    return this.#options.slowMs;
  }

  get turns(): Turns {
    return this.#options.turns;
  }

  /** A message of the topic, in any order, any number of times. */
  receive(push: Push): void {
    const { seq } = push;
    if (this.#isOpen && seq <= this.#position) return;
    this.#target = Math.max(this.#target, seq);
    if (this.#isOpen && seq === this.#position + 1) this.#emit(push);
    else this.#keepAhead(push);
    if (this.#isOpen) this.#advance();
  }

  /**
   * A new subscription, not started yet: `start` it after telling the client. `since` null begins after the current position.
   * Rejects with RESUME_GAP when what follows `since` has been pruned, VALIDATION_FAILED when `since` lies ahead of what is
   * stored, UNAVAILABLE when PostgreSQL is needed and does not answer. A lens changes nothing of this: `since` and the position
   * count every push, seen or not.
   */
  async subscribe(subscriber: Subscriber, since: number | null, lens: Lens | null = null): Promise<Subscription> {
    this.#joining++;
    try {
      await this.#open();
      const cursor = since ?? this.#position;
      const first = since === null ? [] : await this.#checkSince(since);
      const subscription = new Subscription(this, subscriber, lens, cursor, first);
      this.#subscriptions.add(subscription);
      return subscription;
    } finally {
      this.#joining--;
    }
  }

  /** Messages may have been missed: looks in PostgreSQL how far the stream goes, until it is known. */
  async recheck(): Promise<void> {
    // The read that opens it may be older than what was missed.
    await this.#opening?.catch(() => {});
    for (let pause = FIRST_PAUSE_MS; this.#isOpen && !this.#closed; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      try {
        const { lastSeq } = await this.#head();
        this.#target = Math.max(this.#target, lastSeq);
        this.#advance();
        return;
      } catch (error) {
        this.#options.onReadFailure(error);
        await this.#options.pause(pause);
      }
    }
  }

  /** Ends the stream's own reading. Call when nobody uses it any more. */
  close(): void {
    this.#closed = true;
  }

  /** The push with this seq if it is recent enough to be in memory. */
  recent(seq: number): Push | undefined {
    return this.#ring.get(seq);
  }

  /**
   * Stored pushes from `seq` + 1 on. Empty when it is not there although asked for: pruned meanwhile (RESUME_GAP) or lost
   * (UNAVAILABLE). Rejects with UNAVAILABLE.
   */
  async stored(seq: number): Promise<readonly Push[]> {
    // A read shared with others may have begun before the row was committed; a second one cannot have.
    for (let attempt = 1; ; attempt++) {
      const pushes = await this.#options.source.after(seq);
      if (pushes[0]?.seq === seq + 1) return pushes;
      if (attempt === 1) continue;
      const { firstSeq } = await this.#head();
      if (firstSeq > seq + 1) throw resumeGap(firstSeq);
      throw new AppError('UNAVAILABLE', 'what is stored cannot be read now: subscribe again with since', {
        retryAfterMs: 1000,
      });
    }
  }

  pause(ms: number): Promise<void> {
    return this.#options.pause(ms);
  }

  /** The subscription has reached the position: it gets every push from now on. */
  join(subscription: Subscription): void {
    this.#live.add(subscription);
  }

  leave(subscription: Subscription): void {
    this.#live.delete(subscription);
  }

  remove(subscription: Subscription): void {
    this.#live.delete(subscription);
    this.#subscriptions.delete(subscription);
  }

  /** Where the stream stands in PostgreSQL, not before the call. One read for all who ask while another one is under way. */
  #head(): Promise<Head> {
    this.#nextHead ??= (this.#reading ?? Promise.resolve()).then(() => {
      this.#nextHead = null;
      const reading = this.#options.source.head();
      this.#reading = reading.then(
        () => {},
        () => {},
      );
      return reading;
    });
    return this.#nextHead;
  }

  async #open(): Promise<void> {
    if (this.#isOpen) return;
    this.#opening ??= this.#options.source
      .head()
      .then(({ lastSeq }) => {
        this.#position = lastSeq;
        this.#isOpen = true;
        this.#advance();
      })
      .finally(() => {
        this.#opening = null;
      });
    await this.#opening;
  }

  /** The first pushes after `since` when they have to come from PostgreSQL. */
  async #checkSince(since: number): Promise<readonly Push[]> {
    if (since === this.#position || this.#ring.get(since + 1)) return [];
    if (since < this.#position) return this.stored(since);
    // Another replica may be ahead of this one; nobody can be ahead of PostgreSQL.
    const { lastSeq } = await this.#head();
    if (since <= lastSeq) return [];
    throw new AppError(
      'VALIDATION_FAILED',
      `since: ${since} is ahead of the last stored, ${lastSeq}: subscribe without since`,
      {
        path: 'since',
      },
    );
  }

  #keepAhead(push: Push): void {
    if (this.#ahead.has(push.seq) || this.#aheadBytes + push.bytes > MAX_AHEAD_BYTES) return;
    this.#ahead.set(push.seq, push);
    this.#aheadBytes += push.bytes;
  }

  #emit(push: Push): void {
    this.#position = push.seq;
    this.#ring.add(push);
    for (const subscription of this.#live) subscription.take(push);
  }

  /** Hands on what waits and follows the position, then sees to the hole before the rest. */
  #advance(): void {
    for (let push = this.#ahead.get(this.#position + 1); push; push = this.#ahead.get(this.#position + 1)) {
      this.#ahead.delete(push.seq);
      this.#aheadBytes -= push.bytes;
      this.#emit(push);
    }
    if (this.#position < this.#target) {
      if (!this.#filling) void this.#fill();
      return;
    }
    this.#target = this.#position;
    // Only what the position has passed can be left.
    this.#ahead.clear();
    this.#aheadBytes = 0;
  }

  async #fill(): Promise<void> {
    this.#filling = true;
    let pause = FIRST_PAUSE_MS;
    while (this.#position < this.#target && !this.#closed) {
      const before = this.#position;
      try {
        const pushes = await this.stored(before);
        for (const push of pushes) if (push.seq === this.#position + 1) this.#emit(push);
      } catch (error) {
        if (error instanceof AppError && error.code === 'RESUME_GAP') this.#skipPruned(error);
        else this.#options.onReadFailure(error);
      }
      this.#advance();
      if (this.#position > before) pause = FIRST_PAUSE_MS;
      else {
        await this.#options.pause(pause);
        pause = Math.min(2 * pause, MAX_PAUSE_MS);
      }
    }
    this.#filling = false;
  }

  /** What live subscribers should have got next is gone for good: they are told, and the stream goes on behind it. */
  #skipPruned(gap: AppError): void {
    for (const subscription of this.#live) subscription.fail(gap);
    this.#ring.clear();
    this.#position = Math.max(this.#position, (gap.firstSeq ?? 1) - 1);
  }
}

function resumeGap(firstSeq: number): AppError {
  return new AppError(
    'RESUME_GAP',
    `what follows since has been pruned: subscribe with since ${firstSeq - 1} or later`,
    {
      firstSeq,
    },
  );
}
