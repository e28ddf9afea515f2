import { hashPassword, passwordFits } from '@governsai/access/passwords';
import { AppError } from '@governsai/contracts';

/** Who waits longer than this many others is told to come back. */
const QUEUE_PER_PLACE = 16;

/**
 * Hashes and checks passwords with argon2id, a bounded number at a time: 19 MiB and some 50 ms of a core each, so whoever
 * sends logins by the thousand must not get thousands of them.
 */
export class Passwords {
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #decoy: Promise<string> | undefined;

  /** @param concurrency hashes at a time. */
  constructor(concurrency: number) {
    this.#places = concurrency;
  }

  /** @throws AppError UNAVAILABLE when too many wait. */
  async hash(password: string): Promise<string> {
    return this.#inTurn(() => hashPassword(password));
  }

  /**
   * Whether the password fits. With no stored hash (no such person, or none who has a password) it takes as long and says no,
   * so that the time does not tell who is known.
   *
   * @throws AppError UNAVAILABLE when too many wait.
   */
  async fits(password: string, stored: string | null): Promise<boolean> {
    return this.#inTurn(async () => {
      this.#decoy ??= hashPassword('no password fits this');
      const decoy = await this.#decoy;
      const fits = await passwordFits(stored ?? decoy, password);
      return stored !== null && fits;
    });
  }

  /** Makes the first refusal as slow as every other. */
  async warmUp(): Promise<void> {
    await this.fits('', null);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#places) {
      if (this.#waiting.length >= this.#places * QUEUE_PER_PLACE) {
        throw new AppError('UNAVAILABLE', 'too many passwords are being checked: retry shortly', {
          retryAfterMs: 2000,
        });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      // The place goes straight to the next in line.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
