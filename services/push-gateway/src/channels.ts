import type { AppError, Channel, Principal } from '@governsai/contracts';
import type { BudgetBoards } from './budgets/budget-boards.ts';
import type { DecisionLenses, Selection } from './streams/decision-lens.ts';
import type { StreamRegistry } from './streams/stream-registry.ts';
import type { Subscriber, Subscription } from './streams/subscription.ts';

/** A channel that a socket subscribes to. */
export interface OpenChannel {
  /** The last seq before the live stream, as it was when the channel was opened; null for a channel without seq. */
  readonly position: number | null;
  /** Everything up to this seq that is for the client has been sent; null for a channel without seq. */
  readonly cursor: number | null;
  /** How many seqs this replica knows of beyond the last one sent; null for a channel without seq. */
  readonly lag: number | null;
  /** True when the client does not get every seq of it. */
  readonly isSelective: boolean;
  /** What follows the cursor is chosen by this, where the channel is one of decisions. */
  select(selection: Selection): void;
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
  readonly #lenses: DecisionLenses;

  constructor(decisions: StreamRegistry, notifications: StreamRegistry, budgets: BudgetBoards, lenses: DecisionLenses) {
    this.#decisions = decisions;
    this.#lenses = lenses;
    this.#notifications = notifications;
    this.#budgets = budgets;
  }

  /** Rejects with VALIDATION_FAILED, and where it is wrong, when nothing can be chosen by it. Before {@link open}. */
  async check({ filter }: Selection): Promise<void> {
    if (filter !== null) await this.#lenses.check(filter);
  }

  /** Rejects with RESUME_GAP, VALIDATION_FAILED or UNAVAILABLE. A notifications channel is that user's within the principal's org. */
  async open(
    channel: Channel,
    principal: Principal,
    since: number | null,
    subscriber: Subscriber,
    selection: Selection,
  ): Promise<OpenChannel> {
    if (channel.kind === 'decisions' || channel.kind === 'toolDecisions') {
      const lens = this.#lenses.of(channel, selection);
      const subscription = await this.#decisions.get(channel.orgId).subscribe(subscriber, since, lens);
      return opened(subscription, (changed) => subscription.lookThrough(this.#lenses.of(channel, changed)));
    }
    if (channel.kind === 'notifications') {
      return opened(await this.#notifications.get(principal.orgId, channel.userId).subscribe(subscriber, since));
    }
    const { orgId } = channel;
    const subscription = await this.#budgets.subscribe(orgId, subscriber);
    return {
      position: null,
      cursor: null,
      lag: null,
      isSelective: false,
      select: () => {},
      start: () => subscription.start(),
      end: () => {
        subscription.end();
        this.#budgets.release(orgId);
      },
    };
  }
}

function opened(subscription: Subscription, select: (selection: Selection) => void = () => {}): OpenChannel {
  return {
    position: subscription.position,
    get cursor() {
      return subscription.cursor;
    },
    get lag() {
      return subscription.lag;
    },
    get isSelective() {
      return subscription.isSelective;
    },
    select,
    start: (onFailure) => subscription.start(onFailure),
    end: () => subscription.end(),
  };
}
