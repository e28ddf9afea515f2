import { AppError, type HoldAnswer } from '@governsai/contracts';
import { type Database, isTransient } from '@governsai/db';
import { Counter, Histogram, LATENCY_BUCKETS, type Logger } from '@governsai/service';
import type { Definitions } from '../store/definitions.ts';
import type { HoldDetails } from '../store/holds.ts';
import { releaseHold, type Spent, settleHold } from './close.ts';
import { type GrantRequest, grantHold } from './grant.ts';

/** What a hold is answered when the database does not answer. */
type OnOutage = 'open' | 'closed';

export interface HoldDeskOptions {
  /** With time-outs as short as callers want an answer. */
  db: Database;
  definitions: Definitions;
  onOutage: OnOutage;
  log: Logger;
  /** Called when events wait in the outbox. */
  wake: () => void;
}

const RETRY_AFTER_MS = 1000;

const holdsTotal = new Counter({
  name: 'governsai_holds_total',
  help: 'Requests for holds by what was answered: allowed, refused, repeated, failed-open, failed-closed.',
  labelNames: ['answer'],
});
const grantSeconds = new Histogram({
  name: 'governsai_hold_seconds',
  help: 'Seconds until a request for a hold was answered.',
  buckets: [...LATENCY_BUCKETS],
});
const closedTotal = new Counter({
  name: 'governsai_holds_closed_total',
  help: 'Requests that settled or released a hold.',
  labelNames: ['by'],
});
// A counter that first appears with its first count would hide that count from a rate.
for (const answer of ['allowed', 'refused', 'repeated', 'failed-open', 'failed-closed']) holdsTotal.inc({ answer }, 0);
for (const by of ['settle', 'release']) closedTotal.inc({ by }, 0);

/** Where holds are asked for, settled and released, over HTTP and sockets alike. */
export class HoldDesk {
  readonly #options: HoldDeskOptions;

  constructor(options: HoldDeskOptions) {
    this.#options = options;
  }

  /**
   * Grants or refuses. When the database does not answer in time, it allows or refuses as it is set to, and the answer says
   * so. Throws IDEMPOTENCY_CONFLICT.
   */
  async ask(request: GrantRequest): Promise<HoldAnswer> {
    const { db, definitions, onOutage, log, wake } = this.#options;
    const stop = grantSeconds.startTimer();
    try {
      const { answer, repeated } = await grantHold({ db, definitions }, request);
      holdsTotal.inc({ answer: repeated ? 'repeated' : answer.allowed ? 'allowed' : 'refused' });
      wake();
      return answer;
    } catch (error) {
      if (!isTransient(error)) throw error;
      const mode = onOutage === 'open' ? 'failed-open' : 'failed-closed';
      holdsTotal.inc({ answer: mode });
      log.warn({ cause: String(error), mode }, 'a hold could not be checked, because the database does not answer');
      return { holdId: null, allowed: onOutage === 'open', mode, remaining: null, budgets: [], expiresAt: null };
    } finally {
      stop();
    }
  }

  /** See {@link settleHold}. Throws UNAVAILABLE when the database does not answer. */
  settle(orgId: string, id: string, spent: Spent): Promise<HoldDetails> {
    return this.#close('settle', () => settleHold(this.#options.db, orgId, id, spent));
  }

  /** See {@link releaseHold}. Throws UNAVAILABLE when the database does not answer. */
  release(orgId: string, id: string): Promise<HoldDetails> {
    return this.#close('release', () => releaseHold(this.#options.db, orgId, id));
  }

  async #close(by: string, work: () => Promise<HoldDetails>): Promise<HoldDetails> {
    try {
      const hold = await work();
      closedTotal.inc({ by });
      return hold;
    } catch (error) {
      if (!isTransient(error)) throw error;
      throw new AppError('UNAVAILABLE', 'the database does not answer now: retry shortly, it is booked once', {
        retryAfterMs: RETRY_AFTER_MS,
        cause: error,
      });
    } finally {
      this.#options.wake();
    }
  }
}
