import { AppError, type Principal, type relayIngest } from '@governsai/contracts';
import type { z } from 'zod';

/** Requests under way at a time, each for its own share of the connections. */
const LANES = 4;
const MAX_ITEMS = 500;
/** Bytes of the messages of one request; ingest-gateway takes bodies of 8 MiB. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** What may wait for ingest-gateway before clients are told to come back. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const RETRY_AFTER_MS = 500;

export interface RelayItem {
  principal: Principal;
  message: unknown;
  traceparent?: string | undefined;
}
export type RelayResult = z.output<typeof relayIngest.response>['results'][number];

interface Waiting {
  item: RelayItem;
  bytes: number;
  resolve: (result: RelayResult) => void;
  reject: (error: unknown) => void;
}

interface Lane {
  waiting: Waiting[];
  busy: boolean;
}

/**
 * Hands INGEST messages on to ingest-gateway in group-committed requests: what arrives while a lane's request is under way
 * goes with its next one. A connection stays in its lane and a lane has one request at a time, so the messages of one
 * connection keep their order.
 */
export class IngestRelay {
  readonly #call: (items: RelayItem[]) => Promise<readonly RelayResult[]>;
  readonly #lanes: Lane[] = Array.from({ length: LANES }, () => ({ waiting: [], busy: false }));
  #queuedBytes = 0;
  #nextLane = 0;

  /** `call` sends one request and gives a result for each item; rejects when there is none. */
  constructor(call: (items: RelayItem[]) => Promise<readonly RelayResult[]>) {
    this.#call = call;
  }

  /** The lane of a new connection. */
  assignLane(): number {
    this.#nextLane = (this.#nextLane + 1) % LANES;
    return this.#nextLane;
  }

  /**
   * Resolves with what ingest-gateway says of the item. Rejects with UNAVAILABLE when it says nothing, or too much waits for it:
   * the client may send the same again.
   */
  submit(item: RelayItem, bytes: number, lane: number): Promise<RelayResult> {
    if (this.#queuedBytes + bytes > MAX_QUEUED_BYTES) return Promise.reject(unavailable());
    const target = this.#lanes[lane % LANES] as Lane;
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      target.waiting.push({ item, bytes, resolve, reject });
      if (!target.busy) void this.#run(target);
    });
  }

  async #run(lane: Lane): Promise<void> {
    lane.busy = true;
    // What arrives in the same turn of the event loop goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (lane.waiting.length > 0) await this.#send(takeBatch(lane));
    lane.busy = false;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.#call(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, i) => {
        const result = results[i];
        if (result) resolve(result);
        else reject(unavailable());
      });
    } catch (error) {
      for (const { reject } of batch) reject(unavailable(error));
    } finally {
      for (const { bytes } of batch) this.#queuedBytes -= bytes;
    }
  }
}

function takeBatch(lane: Lane): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const next of lane.waiting) {
    bytes += next.bytes;
    if (count === MAX_ITEMS || (count > 0 && bytes > MAX_BATCH_BYTES)) break;
    count++;
  }
  return lane.waiting.splice(0, count);
}

function unavailable(cause?: unknown): AppError {
  return new AppError('UNAVAILABLE', 'ingest is not available now: send the same message again', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}
