import { AppError, type ErrorCode, type Principal } from '@governsai/contracts';

/** Requests under way at a time, each for its own share of the connections. */
const LANES = 4;
const MAX_ITEMS = 500;
/** Bytes of the messages of one request, unless the service that takes them says otherwise. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** What may wait for the service before clients are told to come back. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const RETRY_AFTER_MS = 500;
/**
 * Who has waited longer behind a request that came to nothing is told so with it. A service that waits for Kafka or PostgreSQL
 * takes seconds to say so: another such time on top would be more than a sender should wait for an answer.
 */
const PATIENCE_MS = 500;

export interface RelayItem {
  principal: Principal;
  message: unknown;
  traceparent?: string | undefined;
}

/** What the service says of an item: what became of it, or the error that its sender is to be told. */
export type RelayResult = object | { error: { code: ErrorCode } };

export interface RelayOptions<Result extends RelayResult> {
  /** What the service does, for the error: `ingest`. */
  what: string;
  /** Sends one request and gives a result for each item; rejects when there is none. */
  call: (items: RelayItem[]) => Promise<readonly Result[]>;
  /** Bytes of the messages of one request: well below what the service takes. 4 MiB unless given. */
  maxBatchBytes?: number;
}

interface Waiting<Result> {
  item: RelayItem;
  bytes: number;
  /** `performance.now()` of its arrival. */
  since: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

interface Lane<Result> {
  waiting: Waiting<Result>[];
  busy: boolean;
}

/**
 * Hands messages on to the service that owns them in group-committed requests: what arrives while a lane's request is under way
 * goes with its next one. A connection stays in its lane and a lane has one request at a time, so the messages of one
 * connection keep their order.
 */
export class MessageRelay<Result extends RelayResult> {
  readonly #options: RelayOptions<Result>;
  readonly #lanes: Lane<Result>[] = Array.from({ length: LANES }, () => ({ waiting: [], busy: false }));
  #queuedBytes = 0;

  constructor(options: RelayOptions<Result>) {
    this.#options = options;
  }

  /**
   * Resolves with what the service says of the item. Rejects with UNAVAILABLE when it says nothing, or too much waits for it:
   * the client may send the same again. `lane` is a number of the connection's own.
   */
  submit(item: RelayItem, bytes: number, lane: number): Promise<Result> {
    if (this.#queuedBytes + bytes > MAX_QUEUED_BYTES) return Promise.reject(this.#unavailable());
    const target = this.#lanes[lane % LANES] as Lane<Result>;
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      target.waiting.push({ item, bytes, since: performance.now(), resolve, reject });
      if (!target.busy) void this.#run(target);
    });
  }

  async #run(lane: Lane<Result>): Promise<void> {
    lane.busy = true;
    // What arrives in the same turn of the event loop goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (lane.waiting.length > 0) {
      const failure = await this.#send(takeBatch(lane, this.#options.maxBatchBytes ?? MAX_BATCH_BYTES));
      if (failure) this.#refuse(takeImpatient(lane, performance.now() - PATIENCE_MS), failure);
    }
    lane.busy = false;
  }

  /** Settles a batch. Returns why when all of it came to nothing. */
  async #send(batch: readonly Waiting<Result>[]): Promise<AppError | null> {
    let results: readonly Result[];
    try {
      results = await this.#options.call(batch.map(({ item }) => item));
    } catch (error) {
      const failure = this.#unavailable(error);
      this.#refuse(batch, failure);
      return failure;
    }
    batch.forEach(({ bytes, resolve, reject }, i) => {
      this.#queuedBytes -= bytes;
      const result = results[i];
      if (result) resolve(result);
      else reject(this.#unavailable());
    });
    return batch.every((_, i) => isUnavailable(results[i])) ? this.#unavailable() : null;
  }

  #refuse(batch: readonly Waiting<Result>[], error: AppError): void {
    for (const { bytes, reject } of batch) {
      this.#queuedBytes -= bytes;
      reject(error);
    }
  }

  #unavailable(cause?: unknown): AppError {
    return new AppError('UNAVAILABLE', `${this.#options.what} is not available now: send the same message again`, {
      retryAfterMs: RETRY_AFTER_MS,
      cause,
    });
  }
}

function takeBatch<Result>(lane: Lane<Result>, maxBytes: number): Waiting<Result>[] {
  let bytes = 0;
  let count = 0;
  for (const next of lane.waiting) {
    bytes += next.bytes;
    if (count === MAX_ITEMS || (count > 0 && bytes > maxBytes)) break;
    count++;
  }
  return lane.waiting.splice(0, count);
}

/** Those that came before `time`. */
function takeImpatient<Result>(lane: Lane<Result>, time: number): Waiting<Result>[] {
  const patient = lane.waiting.findIndex(({ since }) => since >= time);
  return lane.waiting.splice(0, patient < 0 ? lane.waiting.length : patient);
}

function isUnavailable(result: RelayResult | undefined): boolean {
  return result === undefined || ('error' in result && result.error.code === 'UNAVAILABLE');
}
