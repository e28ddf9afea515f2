import { PushStream, type StreamOptions } from './push-stream.ts';
import type { StreamSource } from './stream-source.ts';

/** How long a stream that nobody uses is kept, so that a client that reconnects resumes from memory. */
const LINGER_MS = 60_000;
const SWEEP_MS = 10_000;
/** What the rings of all streams may hold together unless told otherwise. */
const TOTAL_RING_BYTES = 64 * 1024 * 1024;

export interface RegistryOptions extends Omit<StreamOptions, 'source' | 'ringBytes'> {
  /** What one stream's ring may hold; less when there are very many streams. */
  ringBytes: number;
  /** What the rings of all streams may hold together. 64 MiB unless given. */
  totalRingBytes?: number;
  /** The stored side of a stream. */
  sourceOf: (orgId: string, name: string) => StreamSource;
  now: () => number;
}

/** The streams that somebody on this replica subscribes to, by org and a name within it. */
export class StreamRegistry {
  readonly #options: RegistryOptions;
  readonly #orgs = new Map<string, Map<string, PushStream>>();
  readonly #unusedSince = new Map<PushStream, number>();
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #recheck: NodeJS.Immediate | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const stream of this.#all()) stream.close();
  }

  /** True when a message of this org may concern somebody: asked before it is parsed. */
  has(orgId: string): boolean {
    return this.#orgs.has(orgId);
  }

  find(orgId: string, name = ''): PushStream | undefined {
    return this.#orgs.get(orgId)?.get(name);
  }

  /** The stream, which receives from this moment on. Subscribe to it in the same turn of the event loop. */
  get(orgId: string, name = ''): PushStream {
    const known = this.find(orgId, name);
    if (known) return known;
    const { sourceOf, ringBytes, totalRingBytes = TOTAL_RING_BYTES } = this.#options;
    const stream = new PushStream({
      ...this.#options,
      source: sourceOf(orgId, name),
      ringBytes: () => Math.min(ringBytes, totalRingBytes / this.#size),
    });
    const ofOrg = this.#orgs.get(orgId) ?? new Map<string, PushStream>();
    this.#orgs.set(orgId, ofOrg.set(name, stream));
    this.#size++;
    return stream;
  }

  /** Messages of the topic may have been missed. Calls of one turn of the event loop, one a partition, make one check. */
  recheck(): void {
    this.#recheck ??= setImmediate(() => {
      this.#recheck = undefined;
      for (const stream of this.#all()) void stream.recheck();
    });
  }

  /** Drops the streams that nobody has used for a while. */
  sweep(): void {
    const now = this.#options.now();
    for (const [orgId, streams] of this.#orgs) {
      for (const [name, stream] of streams) {
        if (stream.inUse) {
          this.#unusedSince.delete(stream);
          continue;
        }
        const since = this.#unusedSince.get(stream) ?? now;
        this.#unusedSince.set(stream, since);
        if (now - since >= LINGER_MS) this.#drop(orgId, name, stream);
      }
    }
  }

  #drop(orgId: string, name: string, stream: PushStream): void {
    stream.close();
    this.#unusedSince.delete(stream);
    this.#size--;
    const ofOrg = this.#orgs.get(orgId);
    ofOrg?.delete(name);
    if (ofOrg?.size === 0) this.#orgs.delete(orgId);
  }

  *#all(): Generator<PushStream> {
    for (const streams of this.#orgs.values()) yield* streams.values();
  }
}
