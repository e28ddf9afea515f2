import { AppError, CLOSE_CODES } from '@governsai/contracts';
import type { Framed } from '@governsai/socket';
import type { Lens } from './lens.ts';
import type { PushStream } from './push-stream.ts';
import type { Push } from './ring.ts';

/** Unsent bytes of a socket at which pushing to it turns into pulling. */
const WINDOW_BYTES = 256 * 1024;
/** How long PostgreSQL may be away in the middle of a resume before the subscription is given up. */
const MAX_READ_FAILURES = 6;
const FIRST_PAUSE_MS = 100;
/** How much longer than asked for the most patient closing of a slow reader waits, in parts of it. */
const PATIENCE_SPREAD = 2;
/** Pushes looked at in one slice of a catching up. */
const SLICE = 256;

/** The socket of a subscription. */
export interface Subscriber {
  readonly isOpen: boolean;
  /** Bytes sent that the kernel has not taken. */
  readonly bufferedBytes: number;
  sendFramed(frame: Framed): void;
  /** Resolves with true when all bytes are taken, with false after `withinMs` or when the socket closes. */
  drained(withinMs: number): Promise<boolean>;
  close(code: number, reason: string): void;
}

/** One subscriber's place in a stream. See {@link PushStream} for why it neither misses nor repeats anything. */
export class Subscription {
  readonly #stream: PushStream;
  readonly #subscriber: Subscriber;
  /** The last seq sent, or the one the client named. */
  #cursor: number;
  /** Stored pushes that were read and not sent yet. */
  #stored: readonly Push[];
  #lens: Lens | null;
  #ended = false;
  #onFailure: (error: AppError) => void = () => {};

  /** Made by {@link PushStream.subscribe}. `first`: stored pushes after the cursor that are read already. */
  constructor(stream: PushStream, subscriber: Subscriber, lens: Lens | null, cursor: number, first: readonly Push[]) {
    this.#stream = stream;
    this.#subscriber = subscriber;
    this.#lens = lens;
    this.#cursor = cursor;
    this.#stored = first;
    this.position = Math.max(cursor, stream.position);
  }

  /** The last seq before the live stream, as it was when the subscription was made. */
  readonly position: number;

  /** Everything up to this seq that is for the client has been sent: it may name it to go on from here. */
  get cursor(): number {
    return this.#cursor;
  }

  /** True when the client does not get every seq. */
  get isSelective(): boolean {
    return this.#lens?.isSelective ?? false;
  }

  /** What follows the cursor is seen through this lens. */
  lookThrough(lens: Lens | null): void {
    this.#lens = lens;
  }

  /** How many later pushes this replica knows of. */
  get lag(): number {
    return Math.max(0, this.#stream.position - this.#cursor);
  }

  /** Begins to send. `onFailure` is called, once at most, when the subscription has ended by itself. */
  start(onFailure: (error: AppError) => void): void {
    this.#onFailure = onFailure;
    void this.#pull();
  }

  /** Nothing is sent after this. */
  end(): void {
    this.#ended = true;
    this.#stream.remove(this);
  }

  /** Ends by itself. */
  fail(error: AppError): void {
    if (this.#ended) return;
    this.end();
    this.#onFailure(error);
  }

  /** A live push: the one after the cursor, or one that a client ahead of this replica has seen already. */
  take(push: Push): void {
    if (push.seq <= this.#cursor) return;
    // Filters that cost more than their share of the event loop fall behind; the others go on.
    if (this.#lens === null || !this.#stream.turns.isSpent) this.#send(push);
    if (this.#cursor < push.seq || !this.#hasRoom()) {
      this.#stream.leave(this);
      void this.#pull();
    }
  }

  async #pull(): Promise<void> {
    let failures = 0;
    while (!this.#ended && this.#subscriber.isOpen) {
      // Whoever has nothing to catch up with need not wait in line.
      const isThere = this.#cursor >= this.#stream.position;
      const came = isThere ? this.#slice() : await this.#stream.turns.run(this.#stream, () => this.#slice());
      if (came === 'joined') return;
      if (came === 'full') {
        // Read again once there is room: a thousand stalled readers do not hold a page each.
        this.#stored = [];
        await this.#waitForRoom();
      }
      if (came !== 'unread') continue;
      try {
        this.#stored = await this.#stream.stored(this.#cursor);
        failures = 0;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (error.code === 'RESUME_GAP' || ++failures > MAX_READ_FAILURES) {
          this.fail(error);
          return;
        }
        await this.#stream.pause(FIRST_PAUSE_MS * 2 ** failures);
      }
    }
  }

  /**
   * Sends what is in memory, as far as the turn and the socket allow, and joins the live ones when that was all. Nothing is
   * awaited in here: what is received comes before or after, never between.
   */
  #slice(): 'joined' | 'full' | 'unread' | 'more' {
    for (let looked = 0; looked < SLICE && !this.#ended && this.#subscriber.isOpen; looked++) {
      if (!this.#hasRoom()) return 'full';
      if (this.#cursor >= this.#stream.position) {
        this.#stream.join(this);
        return 'joined';
      }
      const next = this.#next();
      if (!next) return 'unread';
      this.#send(next);
      if (this.#stream.turns.isSpent) break;
    }
    return 'more';
  }

  /** The push after the cursor, if it is in memory. */
  #next(): Push | undefined {
    const seq = this.#cursor + 1;
    // Pages have no gap.
    const first = this.#stored[0]?.seq ?? seq;
    const stored = this.#stored[seq - first];
    return stored?.seq === seq ? stored : this.#stream.recent(seq);
  }

  /** Ends with 4430 a client that takes nothing while it is owed more than is kept for it. */
  async #waitForRoom(): Promise<void> {
    const before = this.#subscriber.bufferedBytes;
    // Readers that stall together are not closed together: they all come back, and the others would wait behind them.
    const patienceMs = this.#stream.slowMs * (1 + PATIENCE_SPREAD * Math.random());
    if (await this.#subscriber.drained(patienceMs)) return;
    if (this.#ended || !this.#subscriber.isOpen || this.#subscriber.bufferedBytes < before) return;
    const owed = this.#cursor < this.#stream.position && !this.#stream.recent(this.#cursor + 1);
    if (!owed) return;
    this.end();
    this.#subscriber.close(CLOSE_CODES.slowConsumer, 'slow consumer: resume with since');
  }

  #hasRoom(): boolean {
    return this.#subscriber.bufferedBytes < WINDOW_BYTES;
  }

  #send(push: Push): void {
    const frame = this.#lens === null ? push.frame : this.#lens.see(push);
    this.#cursor = push.seq;
    if (frame) this.#subscriber.sendFramed(frame);
  }
}
