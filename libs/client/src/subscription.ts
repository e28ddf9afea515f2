import { Backoff, type BackoffBounds } from './backoff.ts';
import type { Connection } from './connection.ts';
import { GovernsaiError, isRetryable } from './errors.ts';
import type { EventBuffer } from './event-buffer.ts';
import type { SubSuccess } from './messages.ts';
import { onAbort } from './timing.ts';

/** How often the server may fail on a SUB (INTERNAL) before that is believed. */
const MAX_INTERNAL_ERRORS = 5;

/** What came over one channel; ends when you leave the loop. */
export interface Subscription<Event> extends AsyncIterableIterator<Event> {
  readonly channel: string;
  /**
   * The last seq handed out: what `since` takes to go on from here, in another process too. With a filter it moves on past what
   * does not match. Null before anything is known, and for budgets.
   */
  readonly position: number | null;
  /** Resolves when the server has said that the subscription is there; rejects when it has ended instead. */
  subscribed(): Promise<void>;
  /** Ends it; the iterator is done. */
  close(): void;
}

export interface SubscriptionSettings<Event> {
  channel: string;
  since: number | null;
  filter: string | undefined;
  fields: readonly string[] | undefined;
  buffer: EventBuffer<Event>;
  /** Whether each seq follows the one before: not with a filter. */
  isGapless: boolean;
  signal: AbortSignal | undefined;
  backoff: BackoffBounds;
  /** Called once when it has ended. */
  onEnd: () => void;
}

interface Waiting<Event> {
  resolve: (result: IteratorResult<Event>) => void;
  reject: (error: unknown) => void;
}

/** What the client tells of a channel, whatever comes over it. */
export interface Followed {
  close(): void;
  fail(error: unknown): void;
  attach(connection: Connection): void;
  detach(): void;
  take(event: unknown): void;
  passed(seq: number): void;
  refused(error: GovernsaiError): void;
}

/**
 * One channel, across connections: after each break it subscribes again after the last seq it took, drops what it has seen and
 * asks again for what it has not, so that every event is handed out once and in order.
 *
 * When the buffer is full the channel is left (UNSUB), and subscribed again from the last seq taken once half of it is read: a
 * slow reader holds up neither memory nor the ACKs and other channels of its connection, and loses nothing.
 */
export class ChannelSubscription<Event> implements Subscription<Event>, Followed {
  readonly #settings: SubscriptionSettings<Event>;
  readonly #backoff: Backoff;
  readonly #waiting: Waiting<Event>[] = [];
  readonly #subscribing: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly #stopAbort: () => void;
  #connection: Connection | null = null;
  /** Events are taken: SUB_SUCCESS has come and nothing after it ended the subscription. */
  #isActive = false;
  #isAsking = false;
  #isPaused = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  /** The last seq taken. */
  #last: number | null;
  #handedOut: number | null;
  #end: { error: unknown } | 'closed' | null = null;

  constructor(settings: SubscriptionSettings<Event>) {
    this.#settings = settings;
    this.#backoff = new Backoff(settings.backoff);
    this.#last = settings.since;
    this.#handedOut = settings.since;
    this.#stopAbort = onAbort(settings.signal, (reason) => this.fail(reason));
  }

  get channel(): string {
    return this.#settings.channel;
  }

  get position(): number | null {
    return this.#settings.buffer.size === 0 ? this.#last : this.#handedOut;
  }

  subscribed(): Promise<void> {
    if (this.#isActive) return Promise.resolve();
    if (this.#end) return Promise.reject(this.#endError());
    return new Promise((resolve, reject) => this.#subscribing.push({ resolve, reject }));
  }

  next(): Promise<IteratorResult<Event>> {
    const event = this.#settings.buffer.shift();
    if (event) {
      this.#handedOut = seqOf(event) ?? null;
      this.#resume();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#end === 'closed') return Promise.resolve({ done: true, value: undefined });
    if (this.#end) {
      const { error } = this.#end;
      // Thrown once; the iterator is done after that.
      this.#end = 'closed';
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<Event>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  close(): void {
    this.#settings.buffer.clear();
    this.#finish('closed');
  }

  /** Ends it: what has come is still handed out, then `error` is thrown. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** A connection is ready. */
  attach(connection: Connection): void {
    this.#connection = connection;
    this.#ask();
  }

  detach(): void {
    this.#connection = null;
    this.#isActive = false;
    clearTimeout(this.#retry);
  }

  /** An event of the channel. */
  take(event: Event): void {
    // What was on the way when the channel was left comes again.
    if (!this.#isActive) return;
    const seq = seqOf(event);
    if (seq !== undefined && this.#last !== null) {
      if (seq <= this.#last) return;
      if (this.#settings.isGapless && seq !== this.#last + 1) {
        this.#isActive = false;
        this.#ask();
        return;
      }
    }
    if (seq !== undefined) this.#last = seq;
    this.#settings.buffer.push(event);
    this.#serve();
    if (this.#settings.buffer.isFull) this.#leave();
  }

  /** The server has looked at everything up to `seq`: what a filter left out need not be looked at again. */
  passed(seq: number): void {
    if (this.#isActive && (this.#last === null || seq > this.#last)) this.#last = seq;
  }

  /** The server has ended the subscription. */
  refused(error: GovernsaiError): void {
    if (!this.#isActive) return;
    this.#isActive = false;
    this.#failed(error);
  }

  #ask(): void {
    if (this.#isAsking || this.#isPaused || this.#end || !this.#connection) return;
    const connection = this.#connection;
    const { channel, filter, fields } = this.#settings;
    const since = this.#last === null ? undefined : { [channel]: this.#last };
    this.#isAsking = true;
    connection.request({
      message: { type: 'SUB', channels: [channel], since, filter, fields },
      answer: 'SUB_SUCCESS',
      channel,
      resolve: (answer) => {
        this.#isAsking = false;
        this.#begun((answer as SubSuccess).positions[channel]);
      },
      reject: (error) => {
        this.#isAsking = false;
        this.#failed(error);
      },
    });
  }

  #begun(position: number | undefined): void {
    if (this.#end) return this.#unsubscribe();
    this.#isActive = true;
    this.#last ??= position ?? null;
    this.#handedOut ??= this.#last;
    this.#failures = 0;
    this.#backoff.reset();
    for (const { resolve } of this.#subscribing.splice(0)) resolve();
  }

  #failed(error: GovernsaiError): void {
    // The end of the connection is followed by the next one.
    if (error.code === 'CONNECTION_LOST' || this.#end) return;
    if (!isRetryable(error.code) && (error.code !== 'INTERNAL' || ++this.#failures >= MAX_INTERNAL_ERRORS)) {
      return this.fail(error);
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#ask(), this.#backoff.next(error.retryAfterMs));
  }

  #leave(): void {
    this.#isActive = false;
    this.#isPaused = true;
    this.#unsubscribe();
  }

  #resume(): void {
    if (!this.#isPaused || this.#end) return;
    const { size, limit } = this.#settings.buffer;
    if (size > limit / 2) return;
    this.#isPaused = false;
    this.#ask();
  }

  #unsubscribe(): void {
    const { channel } = this.#settings;
    this.#connection?.request({
      message: { type: 'UNSUB', channels: [channel] },
      answer: 'UNSUB_SUCCESS',
      channel,
      resolve: () => {},
      // A channel that could not be left is left with the connection; what still comes is dropped.
      reject: () => {},
    });
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#settings.buffer.size > 0) {
      const event = this.#settings.buffer.shift() as Event;
      this.#handedOut = seqOf(event) ?? null;
      this.#waiting.shift()?.resolve({ done: false, value: event });
    }
  }

  #finish(end: { error: unknown } | 'closed'): void {
    if (this.#end) {
      // Closing also gives up an error that nobody has asked for.
      if (end === 'closed') this.#end = end;
      return;
    }
    this.#end = end;
    clearTimeout(this.#retry);
    this.#stopAbort?.();
    if (this.#isActive) this.#unsubscribe();
    this.#isActive = false;
    for (const { reject } of this.#subscribing.splice(0)) reject(this.#endError());
    const [first, ...others] = this.#waiting.splice(0);
    if (first && end !== 'closed') {
      this.#end = 'closed';
      first.reject(end.error);
    } else first?.resolve({ done: true, value: undefined });
    for (const { resolve } of others) resolve({ done: true, value: undefined });
    this.#settings.onEnd();
  }

  #endError(): unknown {
    if (this.#end === 'closed' || this.#end === null) {
      return new GovernsaiError('CLOSED', `the subscription of ${this.channel} was closed`, { channel: this.channel });
    }
    return this.#end.error;
  }
}

function seqOf(event: unknown): number | undefined {
  return (event as { seq?: number }).seq;
}
