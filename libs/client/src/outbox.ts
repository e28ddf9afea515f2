import { Backoff, type BackoffBounds } from './backoff.ts';
import { becauseOf, errorOf, GovernsaiError, isRetryable, QueueFullError } from './errors.ts';
import type { ServerError } from './messages.ts';
import { onAbort } from './timing.ts';

/** How often a message that the server failed on (INTERNAL) is sent again before that is believed. */
const MAX_INTERNAL_ERRORS = 5;

export interface OutboxOptions {
  maxMessages: number;
  maxBytes: number;
  maxInFlight: number;
  backoff: BackoffBounds;
}

/** What is to be sent until it is answered. */
export interface Outgoing {
  /** What its answer will name. */
  id: string;
  text: string;
  bytes: number;
  whenFull: 'reject' | 'wait';
  signal: AbortSignal | undefined;
}

interface Entry extends Outgoing {
  isSent: boolean;
  failures: number;
  promise: Promise<unknown>;
  resolve: (answer: never) => void;
  reject: (error: unknown) => void;
}

/**
 * Everything sent and not answered yet, bounded. After a reconnect all of it is sent again, in the order it was given: each
 * message carries a key by which the server knows a repeat. What the server refuses for now is sent again when it says so.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #backoff: Backoff;
  /** By id, in the order given. */
  readonly #entries = new Map<string, Entry>();
  /** What is to be sent next, in order. */
  readonly #queue = new Set<Entry>();
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  #bytes = 0;
  #inFlight = 0;
  #send: ((text: string) => void) | null = null;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #end: GovernsaiError | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
  }

  /** Messages that wait or are under way. */
  get size(): number {
    return this.#entries.size;
  }

  /** Resolves with the answer. Rejects with what the server says, QUEUE_FULL, CLOSED, or the reason of the signal. */
  async submit<Answer>(message: Outgoing): Promise<Answer> {
    message.signal?.throwIfAborted();
    while (!this.#end && !this.#hasRoom(message.bytes)) {
      if (message.whenFull === 'reject') throw new QueueFullError(this.#entries.size, this.#bytes);
      await this.#room(message.signal);
    }
    if (this.#end) throw becauseOf(this.#end, message.id);
    const known = this.#entries.get(message.id);
    if (!known) return this.#add<Answer>(message);
    if (known.text === message.text) return known.promise as Promise<Answer>;
    throw new GovernsaiError(
      'IDEMPOTENCY_CONFLICT',
      `"${message.id}" names another message that has no answer yet: use a key for one message only`,
      { id: message.id },
    );
  }

  /** A connection is ready: sends all that has no answer. */
  attach(send: (text: string) => void): void {
    this.#send = send;
    this.#requeueAll();
    this.#pump();
  }

  /** The connection is gone: what was sent on it is sent again on the next. */
  detach(): void {
    this.#send = null;
    this.#requeueAll();
  }

  /** An answer came. */
  answered(id: string, answer: object): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#backoff.reset();
    this.#remove(entry);
    entry.resolve(answer as never);
  }

  /** The server refused a message; one that names none is about the largest if it says so, else about nothing here. */
  refused(error: ServerError): void {
    const isTooLarge = error.id === undefined && error.code === 'PAYLOAD_TOO_LARGE';
    const entry = isTooLarge ? this.#largestSent() : this.#entries.get(error.id ?? '');
    if (!entry) return;
    const mayRepeat = isRetryable(error.code) || (error.code === 'INTERNAL' && ++entry.failures < MAX_INTERNAL_ERRORS);
    if (!mayRepeat) {
      this.#remove(entry);
      entry.reject(errorOf({ ...error, id: entry.id }));
      return;
    }
    if (entry.isSent) this.#inFlight--;
    entry.isSent = false;
    this.#queue.add(entry);
    this.#holdBack(error.retryAfterMs);
  }

  /** A frame was too big for the server, which closed: it was the largest. */
  tooBig(error: GovernsaiError): void {
    const entry = this.#largestSent();
    if (!entry) return;
    this.#remove(entry);
    const message = `the message has ${entry.bytes} bytes, more than the server takes: send less data in one`;
    entry.reject(new GovernsaiError('PAYLOAD_TOO_LARGE', message, { id: entry.id, cause: error }));
  }

  /** Resolves when everything has its answer. */
  idle(): Promise<void> {
    return this.#entries.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Nothing more is sent: all that has no answer rejects. */
  end(error: GovernsaiError): void {
    this.#end = error;
    this.#send = null;
    clearTimeout(this.#pause);
    for (const entry of [...this.#entries.values()]) {
      this.#remove(entry);
      entry.reject(becauseOf(error, entry.id));
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #add<Answer>(message: Outgoing): Promise<Answer> {
    let resolve: (answer: Answer) => void = () => {};
    let reject: (error: unknown) => void = () => {};
    const promise = new Promise<Answer>((...settle) => {
      [resolve, reject] = settle;
    });
    const entry: Entry = { ...message, isSent: false, failures: 0, promise, resolve, reject };
    this.#entries.set(entry.id, entry);
    this.#bytes += entry.bytes;
    this.#queue.add(entry);
    const stop = onAbort(message.signal, (reason) => {
      this.#remove(entry);
      reject(reason);
    });
    promise.then(stop, stop);
    this.#pump();
    return promise;
  }

  #hasRoom(bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#options;
    // One message alone always fits: its own size has a limit elsewhere.
    return this.#entries.size === 0 || (this.#entries.size < maxMessages && this.#bytes + bytes <= maxBytes);
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        stop();
        resolve();
      };
      this.#waiting.push(wake);
      const stop = onAbort(signal, (reason) => {
        const place = this.#waiting.indexOf(wake);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(reason);
      });
    });
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry.id)) return;
    this.#queue.delete(entry);
    this.#bytes -= entry.bytes;
    if (entry.isSent) this.#inFlight--;
    this.#waiting.shift()?.();
    if (this.#entries.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.#pump();
  }

  #requeueAll(): void {
    this.#inFlight = 0;
    this.#queue.clear();
    for (const entry of this.#entries.values()) {
      entry.isSent = false;
      this.#queue.add(entry);
    }
  }

  #holdBack(askedMs: number | undefined): void {
    if (this.#pause !== undefined) return;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, this.#backoff.next(askedMs));
  }

  #pump(): void {
    if (!this.#send || this.#pause !== undefined) return;
    for (const entry of this.#queue) {
      if (this.#inFlight >= this.#options.maxInFlight) return;
      this.#queue.delete(entry);
      entry.isSent = true;
      this.#inFlight++;
      this.#send(entry.text);
    }
  }

  #largestSent(): Entry | undefined {
    let largest: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.isSent && entry.bytes > (largest?.bytes ?? 0)) largest = entry;
    }
    return largest;
  }
}
