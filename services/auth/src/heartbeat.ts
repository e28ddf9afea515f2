import type { AccessChanged } from '@governsai/contracts';
import type { Logger } from '@governsai/service';

/** How often the gateways hear that auth is alive, and its access version. */
const INTERVAL_MS = 250;
const KEY = '_';

export interface HeartbeatOptions {
  /** Reads the access version. */
  version: () => Promise<number>;
  /** Sends one message of `access.changed`. */
  send: (key: string, event: AccessChanged) => Promise<void>;
  log: Logger;
}

/**
 * Tells all gateways four times a second that auth is alive and which changes there are. While PostgreSQL is away the last
 * version goes out: nothing can be changed then, so what the gateways know stays true (G8).
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** Null until PostgreSQL has said it once: until then auth has nothing to say. */
  #version: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  #failing = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // One at a time: while Kafka or PostgreSQL is slow, beats are left out and do not pile up.
      this.#beating ??= this.#beat().finally(() => {
        this.#beating = undefined;
      });
    }, INTERVAL_MS);
  }

  /** Ends the beats; resolves when the last is settled. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
  }

  async #beat(): Promise<void> {
    await this.#readVersion();
    if (this.#version === null) return;
    try {
      await this.#options.send(KEY, { version: this.#version, orgId: null, keyId: null, at: new Date().toISOString() });
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#options.log.warn({ err: error }, 'no heartbeat goes out: services ask for the access version instead');
      this.#failing = true;
    }
  }

  async #readVersion(): Promise<void> {
    // A slow PostgreSQL must not make auth look dead: the version known is sent then, and read again for the next beat.
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, INTERVAL_MS);
    });
    this.#reading ??= this.#options
      .version()
      .then(
        (version) => {
          this.#version = version;
        },
        (error: unknown) => this.#options.log.debug({ err: error }, 'the access version cannot be read'),
      )
      .finally(() => {
        this.#reading = undefined;
      });
    await Promise.race([this.#reading, patience]);
    clearTimeout(timer);
  }
}
