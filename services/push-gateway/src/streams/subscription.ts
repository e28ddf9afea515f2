import { AppError, CLOSE_CODES } from '@governsai/contracts';
import type { Framed } from '@governsai/socket';
import type { PushStream } from './push-stream.ts';
import type { Push } from './ring.ts';

/** Unsent bytes of a socket at which pushing to it turns into pulling. */
const WINDOW_BYTES = 256 * 1024;
/** How long PostgreSQL may be away in the middle of a resume before the subscription is given up. */
const MAX_READ_FAILURES = 6;
const FIRST_PAUSE_MS = 100;

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
  #pages: readonly Push[];
  #ended = false;
  #onFailure: (error: AppError) => void = () => {};

  /** Made by {@link PushStream.subscribe}. `first`: stored pushes after the cursor that are read already. */
  constructor(stream: PushStream, subscriber: Subscriber, cursor: number, first: readonly Push[]) {
    this.#stream = stream;
    this.#subscriber = subscriber;
    this.#cursor = cursor;
    this.#pages = first;
    this.position = Math.max(cursor, stream.position);
  }

  /** The last seq before the live stream, as it was when the subscription was made. */
  readonly position: number;

  /** The last seq sent: what the client may name to go on from here. */
  get cursor(): number {
    return this.#cursor;
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
    this.#send(push);
    if (!this.#hasRoom()) {
      this.#stream.leave(this);
      void this.#pull();
    }
  }

  async #pull(): Promise<void> {
    let failures = 0;
    while (!this.#ended && this.#subscriber.isOpen) {
      // From here to `join` nothing is awaited: what is received comes before or after, never between.
      this.#sendAtHand();
      if (!this.#hasRoom()) {
        await this.#waitForRoom();
        continue;
      }
      if (this.#cursor >= this.#stream.position) {
        this.#stream.join(this);
        return;
      }
      try {
        this.#pages = await this.#stream.stored(this.#cursor);
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

  /** Sends what is in memory, as far as the socket has room. */
  #sendAtHand(): void {
    let read = 0;
    while (this.#hasRoom()) {
      while (read < this.#pages.length && (this.#pages[read] as Push).seq <= this.#cursor) read++;
      const stored = this.#pages[read];
      const next = stored?.seq === this.#cursor + 1 ? stored : this.#stream.recent(this.#cursor + 1);
      if (!next) break;
      this.#send(next);
    }
    this.#pages = this.#pages.slice(read);
  }

  /** Ends with 4430 a client that takes nothing while it is owed more than is kept for it. */
  async #waitForRoom(): Promise<void> {
    const before = this.#subscriber.bufferedBytes;
    if (await this.#subscriber.drained(this.#stream.slowMs)) return;
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
    this.#cursor = push.seq;
    this.#subscriber.sendFramed(push.frame);
  }
}
