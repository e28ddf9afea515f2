import type { Logger } from './logger.ts';

export interface PeriodicOptions {
  /** What the rounds do, for the log: `checkpoints`. */
  name: string;
  /** From the end of one round to the start of the next. Doubled for each failure in a row, up to 5 s where it is less. */
  intervalMs: number;
  log: Logger;
  /** One round. What it throws is logged and left for the next. */
  run: () => Promise<void>;
}

// An outage must not fill the log at the pace of what is done often.
const MAX_PAUSE_MS = 5_000;

/** Work that is done again and again, one round at a time. */
export class Periodic {
  readonly #options: PeriodicOptions;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;
  #failures = 0;

  constructor(options: PeriodicOptions) {
    this.#options = options;
  }

  /** The first round starts after one interval. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.round().then(() => {
        if (!this.#stopped) this.start();
      });
    }, this.#pauseMs());
  }

  /** One round, now. Never rejects. */
  async round(): Promise<void> {
    const { name, log, run } = this.#options;
    try {
      await run();
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      log.warn({ err: error, work: name }, 'a round of periodic work failed; the next one tries again');
    }
  }

  /** Begins no further round; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#round;
  }

  #pauseMs(): number {
    const { intervalMs } = this.#options;
    return Math.max(intervalMs, Math.min(MAX_PAUSE_MS, intervalMs * 2 ** Math.min(this.#failures, 30)));
  }
}
