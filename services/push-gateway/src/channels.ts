import { AppError, type Channel, type Principal } from '@governsai/contracts';
import type { BudgetBoards } from './budgets/budget-boards.ts';
import type { StreamRegistry } from './streams/stream-registry.ts';
import type { Subscriber } from './streams/subscription.ts';

/** A channel that a socket subscribes to. */
export interface OpenChannel {
  /** The last seq before the live stream, as it was when the channel was opened; null for a channel without seq. */
  readonly position: number | null;
  /** The last seq sent; null for a channel without seq. */
  readonly cursor: number | null;
  /** Begins to send. `onFailure` is called once when the channel has ended by itself. */
  start(onFailure: (error: AppError) => void): void;
  /** Nothing is sent after this. */
  end(): void;
}

/** Opens what a channel names. Who may open it has been decided before. */
export class Channels {
  readonly #decisions: StreamRegistry;
  readonly #notifications: StreamRegistry;
  readonly #budgets: BudgetBoards;

  constructor(decisions: StreamRegistry, notifications: StreamRegistry, budgets: BudgetBoards) {
    this.#decisions = decisions;
    this.#notifications = notifications;
    this.#budgets = budgets;
  }

  /** Rejects with RESUME_GAP, VALIDATION_FAILED or UNAVAILABLE. A notifications channel is that user's within the principal's org. */
  async open(
    channel: Channel,
    principal: Principal,
    since: number | null,
    subscriber: Subscriber,
  ): Promise<OpenChannel> {
    if (channel.kind === 'decisions') return this.#decisions.get(channel.orgId).subscribe(subscriber, since);
    if (channel.kind === 'notifications') {
      return this.#notifications.get(principal.orgId, channel.userId).subscribe(subscriber, since);
    }
    if (channel.kind === 'toolDecisions') {
      throw new AppError('VALIDATION_FAILED', 'channels by tool are not served yet: subscribe to all decisions');
    }
    const { orgId } = channel;
    const subscription = await this.#budgets.subscribe(orgId, subscriber);
    return {
      position: null,
      cursor: null,
      start: () => subscription.start(),
      end: () => {
        subscription.end();
        this.#budgets.release(orgId);
      },
    };
  }
}
