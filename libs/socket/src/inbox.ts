/** How many messages of one socket may wait or be handled before its reading is paused, and how few let it go on. */
const MAX_PENDING = 256;
const RESUME_PENDING = 128;
/** Bytes that may wait before reading is paused. One read of the kernel (64 KiB) may come on top: it is parsed whole. */
const MAX_PENDING_BYTES = 1024 * 1024;

interface Waiting<T> {
  item: T;
  bytes: number;
}

/**
 * The messages of one socket between the wire and their handlers: taken in order, up to {@link MAX_PENDING} handled at a
 * time, none while the inbox is held (a credential is being verified). Beyond the bounds the socket is told to pause, so
 * that TCP slows the client down and nothing grows here. Nothing that was received is ever dropped, whether the peer is
 * still there or not: a client may send and close at once.
 */
export class Inbox<T> {
  readonly #handle: (item: T) => Promise<void>;
  readonly #setPaused: (paused: boolean) => void;
  #waiting: Waiting<T>[] = [];
  #waitingBytes = 0;
  #handling = 0;
  #held = false;
  #paused = false;
  #idle: (() => void)[] = [];

  /** `handle` must not reject. */
  constructor(handle: (item: T) => Promise<void>, setPaused: (paused: boolean) => void) {
    this.#handle = handle;
    this.#setPaused = setPaused;
  }

  push(item: T, bytes: number): void {
    this.#waiting.push({ item, bytes });
    this.#waitingBytes += bytes;
    this.#pump();
  }

  /** Handles nothing more until {@link release}; what is being handled goes on. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  /** Forgets what waits: the connection was refused, so nobody may speak on it. */
  discard(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#settle();
  }

  /** Resolves when nothing waits and nothing is being handled. */
  idle(): Promise<void> {
    return this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  get paused(): boolean {
    return this.#paused;
  }

  #pump(): void {
    while (!this.#held && this.#handling < MAX_PENDING) {
      const next = this.#waiting.shift();
      if (!next) break;
      this.#waitingBytes -= next.bytes;
      this.#handling++;
      void this.#handle(next.item).finally(() => {
        this.#handling--;
        this.#pump();
      });
    }
    this.#settle();
  }

  #settle(): void {
    const pending = this.#waiting.length + this.#handling;
    if (!this.#paused && (pending >= MAX_PENDING || this.#waitingBytes >= MAX_PENDING_BYTES)) {
      this.#paused = true;
      this.#setPaused(true);
    } else if (this.#paused && pending <= RESUME_PENDING && this.#waitingBytes < MAX_PENDING_BYTES) {
      this.#paused = false;
      this.#setPaused(false);
    }
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#handling === 0;
  }
}
