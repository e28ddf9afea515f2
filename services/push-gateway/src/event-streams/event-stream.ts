import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppError } from '@governsai/contracts';
import { problemOf } from '@governsai/service';
import { type Framed, nextDrain } from '@governsai/socket';
import { endedStreams, type StreamEnd } from '../metrics.ts';
import type { Subscriber } from '../streams/subscription.ts';

/** Shorter than the idle time-outs of common proxies (60 s). */
const HEARTBEAT_MS = 15_000;
/** How long a client may take to read what was sent before the end. */
const CLOSE_TIMEOUT_MS = 10_000;
/** What an EventSource waits before it connects again, unless it is told otherwise at the end. */
const RETRY_MS = 2000;

/** Not stored, not changed on the way, not held back by a proxy that buffers. */
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** The event of each DECISION message, made once for all streams. */
const events = new WeakMap<Framed, string>();

function eventOf(message: Framed): string {
  const known = events.get(message);
  if (known !== undefined) return known;
  const { seq, data } = JSON.parse(message.payload.toString()) as { seq: number; data: unknown };
  const event = `id: ${seq}\nevent: decision\ndata: ${JSON.stringify(data)}\n\n`;
  events.set(message, event);
  return event;
}

/**
 * One HTTP answer that goes on as server-sent events (WHATWG HTML §9.2). An EventSource connects again by itself whenever it
 * ends and names the last id it got, so ending is always safe: it resumes (G4).
 */
export class EventStream implements Subscriber {
  /** Unique, for logs and lists. */
  readonly id = randomUUID();
  readonly openedAt = new Date();
  readonly #res: ServerResponse;
  readonly #requestId: string;
  /** What the connection had carried before. */
  readonly #bytesBefore: number;
  #heartbeat: NodeJS.Timeout | undefined;
  #began = false;
  #ended = false;

  constructor(res: ServerResponse, requestId: string) {
    this.#res = res;
    this.#requestId = requestId;
    this.#bytesBefore = bytesTaken(res);
    res.once('close', () => {
      clearInterval(this.#heartbeat);
      if (this.#began && !this.#ended) endedStreams.inc({ by: 'client' });
      this.#ended = true;
    });
  }

  /** Sends the head and where the stream stands: who loses it before the first event resumes there. */
  begin(cursor: number, place: () => number): void {
    this.#began = true;
    this.#res.writeHead(200, HEADERS);
    this.#res.write(`retry: ${RETRY_MS}\nid: ${cursor}\n\n`);
    // The id of a heartbeat is that of the last event, or beyond it where a filter left events out.
    this.#heartbeat = setInterval(() => this.#write(`: heartbeat\nid: ${place()}\n\n`), HEARTBEAT_MS);
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  get bufferedBytes(): number {
    return this.#res.writableLength;
  }

  /** Bytes that the kernel has taken. */
  get bytesSent(): number {
    return Math.max(0, bytesTaken(this.#res) - this.#bytesBefore);
  }

  sendFramed(message: Framed): void {
    this.#write(eventOf(message));
  }

  drained(withinMs: number): Promise<boolean> {
    const { socket } = this.#res;
    if (this.#ended) return Promise.resolve(false);
    if (this.bufferedBytes === 0) return Promise.resolve(true);
    // Behind an earlier answer on the same connection (pipelining) it has no socket yet.
    if (!socket) return delay(withinMs, false);
    return nextDrain(socket, withinMs);
  }

  /** Ends a stream that is read too slowly. */
  close(): void {
    this.end('slow');
  }

  /** Tells an error and ends. */
  fail(error: AppError): void {
    this.#write(`event: error\ndata: ${JSON.stringify(problemOf(error, this.#requestId))}\n\n`);
    this.end('error');
  }

  /** Ends; with `retryMs` an EventSource stays away for so long. */
  end(by: StreamEnd, retryMs?: number): void {
    if (this.#ended) return;
    if (retryMs !== undefined) this.#write(`retry: ${retryMs}\n\n`);
    this.#ended = true;
    clearInterval(this.#heartbeat);
    endedStreams.inc({ by });
    this.#res.end();
    const timer = setTimeout(() => this.terminate(), CLOSE_TIMEOUT_MS);
    this.#res.once('close', () => clearTimeout(timer));
  }

  /** Breaks the connection off. */
  terminate(): void {
    this.#res.destroy();
  }

  #write(text: string): void {
    if (!this.#ended) this.#res.write(text);
  }
}

function bytesTaken({ socket }: ServerResponse): number {
  return socket ? socket.bytesWritten - socket.writableLength : 0;
}
