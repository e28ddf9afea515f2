import type {
  BudgetChannel,
  DecisionChannel,
  DecisionSubscribeOptions,
  HoldOptions,
  IngestOptions,
  NotificationChannel,
  SendOptions,
  SubscribeOptions,
} from './calls.ts';
import type { Connection, Identity } from './connection.ts';
import type { Decision, DecisionData } from './decision.ts';
import { errorOf, GovernsaiError } from './errors.ts';
import { type EventBuffer, LatestBudgets, OrderedBuffer } from './event-buffer.ts';
import { checkedKey, newKey } from './idempotency-key.ts';
import { type ConnectionState, Link } from './link.ts';
import {
  type Ack,
  type BudgetEvent,
  CLOSE_CODES,
  type DecisionEvent,
  type Hold,
  type HoldAnswer,
  type IngestSchema,
  type NewHold,
  type NotificationEvent,
  type ServerMessage,
  type Settlement,
} from './messages.ts';
import { type ClientOptions, type Settings, settingsOf } from './options.ts';
import { Outbox } from './outbox.ts';
import { adoptWebSocket, type OpenSocket } from './socket.ts';
import { ChannelSubscription, type Followed, type Subscription } from './subscription.ts';
import { onAbort } from './timing.ts';

const DEFAULT_BUFFER = 1024;
const DEFAULT_DRAIN_MS = 5000;
const BUDGET_CHANNEL = /^org:[^:]*:budget$/;
const TOOL_CHANNEL = /^org:[^:]*:decisions:tool:/;
const encoder = new TextEncoder();

/**
 * A connection to GovernsAI that mends itself. Made by `connect`; safe to be shared by a whole program.
 *
 * It holds a socket open, and with it a Node process, until {@link close}.
 */
export class Client {
  readonly #settings: Settings;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #subscriptions = new Map<string, Followed>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #ended: Promise<GovernsaiError | null>;
  #connection: Connection | null = null;
  #state: ConnectionState = { state: 'connecting' };
  #isClosing = false;

  /** Use `connect`. Throws INVALID_OPTIONS. */
  constructor(options: ClientOptions, openSocket: OpenSocket) {
    options.signal?.throwIfAborted();
    this.#settings = settingsOf(options);
    const { webSocket } = options;
    const { maxQueuedMessages, maxQueuedBytes, maxInFlight, backoff } = this.#settings;
    this.#outbox = new Outbox({ maxMessages: maxQueuedMessages, maxBytes: maxQueuedBytes, maxInFlight, backoff });
    this.#link = new Link(
      this.#settings,
      webSocket ? (url, protocol, events) => adoptWebSocket(webSocket(url, protocol), events) : openSocket,
      {
        onState: (state) => this.#tell(state),
        onReady: (connection) => this.#ready(connection),
        onMessage: (message) => this.#receive(message),
        onLost: (end) => {
          this.#connection = null;
          if (end.code === CLOSE_CODES.tooBig) this.#outbox.tooBig(end.error);
          this.#outbox.detach();
          for (const subscription of this.#subscriptions.values()) subscription.detach();
        },
      },
    );
    this.#ended = this.#run();
    onAbort(options.signal, (reason) => this.#abort(reason));
  }

  /** What the connection is doing now. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** Calls `listener` with every change from now on; the answer ends that. Reconnects are told here, and nowhere else. */
  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves once connected, with whom the credential speaks for (null with a ticket, which does not say). Rejects when the
   * client has closed instead: with AuthenticationError when the credential was refused. Nothing else needs to wait for it.
   */
  ready(options: { signal?: AbortSignal | undefined } = {}): Promise<Identity | null> {
    return new Promise((resolve, reject) => {
      const settle = (state: ConnectionState) => {
        if (state.state === 'connected') resolve(state.identity);
        else if (state.state === 'closed') reject(state.error ?? closedError());
        else return;
        this.#listeners.delete(settle);
        stop();
      };
      this.#listeners.add(settle);
      const stop = onAbort(options.signal, (reason) => {
        this.#listeners.delete(settle);
        reject(reason);
      });
      settle(this.#state);
    });
  }

  /**
   * Records a decision; resolves once it is durable. It is sent again, with the same key, after every broken connection and
   * every refusal that is only for now, so it counts once. `data` is read before this returns.
   *
   * @throws (rejects) GovernsaiError with the server's code and `path` for a decision that is not valid; QUEUE_FULL;
   * PAYLOAD_TOO_LARGE; CLOSED; AuthenticationError; the reason of the signal.
   */
  ingest(data: DecisionData, options?: IngestOptions<'decision.v1'>): Promise<Ack>;
  /** Records a tool call or a dead letter: any object. */
  ingest(
    data: Record<string, unknown>,
    options: IngestOptions<'toolcall.v1' | 'dlq.v1'> & { schema: IngestSchema },
  ): Promise<Ack>;
  async ingest(data: object, options: IngestOptions = {}): Promise<Ack> {
    const { idempotencyKey = newKey(), schema = 'decision.v1', traceparent, trace } = options;
    const message = { type: 'INGEST', schema, idempotencyKey: checkedKey(idempotencyKey), data, traceparent, trace };
    return this.#send<Ack>(idempotencyKey, message, options);
  }

  /** Sets an amount aside in every budget it counts against, or in none: `allowed` says which. Rejects as `ingest` does. */
  async hold(hold: NewHold, options: HoldOptions = {}): Promise<HoldAnswer> {
    const { idempotencyKey = newKey() } = options;
    const message = { type: 'HOLD', ...hold, idempotencyKey: checkedKey(idempotencyKey) };
    return this.#send<HoldAnswer>(idempotencyKey, message, options);
  }

  /** Books what was spent and closes the hold. The same amount again changes nothing. */
  async settle(holdId: string, settlement: Settlement, options: SendOptions = {}): Promise<Hold> {
    const message = { type: 'SETTLE', ...settlement, holdId: checkedKey(holdId, 'holdId') };
    return (await this.#send<{ hold: Hold }>(holdId, message, options)).hold;
  }

  /** Gives back what is held: nothing was spent. Again changes nothing. */
  async release(holdId: string, options: SendOptions = {}): Promise<Hold> {
    const message = { type: 'RELEASE', holdId: checkedKey(holdId, 'holdId') };
    return (await this.#send<{ hold: Hold }>(holdId, message, options)).hold;
  }

  /**
   * Follows a channel: every event once and in order, across reconnects and restarts of the server, from whichever replica.
   *
   * ```ts
   * for await (const { seq, data } of client.subscribe('org:acme:decisions', { since: lastSeq })) { … }
   * ```
   *
   * The iterator throws ResumeGapError when what follows `since` has been pruned, and what else the server says of the channel
   * (FORBIDDEN, VALIDATION_FAILED). A client follows a channel once; throws CONFLICT for a second time.
   */
  subscribe<Field extends keyof Decision = keyof Decision>(
    channel: DecisionChannel,
    options?: DecisionSubscribeOptions<Field>,
  ): Subscription<DecisionEvent<Pick<Decision, Field>>>;
  /** The state of each budget of an org, then each change. Whoever reads slowly gets the latest of each. */
  subscribe(channel: BudgetChannel, options?: Omit<SubscribeOptions, 'since' | 'buffer'>): Subscription<BudgetEvent>;
  /** The notifications of a user. */
  subscribe(channel: NotificationChannel, options?: SubscribeOptions): Subscription<NotificationEvent>;
  subscribe(
    channel: string,
    options: DecisionSubscribeOptions<never> = {},
  ): Subscription<DecisionEvent<Pick<Decision, never>>> | Subscription<BudgetEvent> | Subscription<NotificationEvent> {
    if (BUDGET_CHANNEL.test(channel)) return this.#follow<BudgetEvent>(channel, options, new LatestBudgets());
    return this.#follow<DecisionEvent>(channel, options, new OrderedBuffer(options.buffer ?? DEFAULT_BUFFER));
  }

  /**
   * Takes nothing more, waits for the answers to what was given (at most `timeoutMs`; 5,000 unless given) and closes. What has
   * none by then rejects with CLOSED. Subscriptions end at once. Never rejects; a second call waits for the same.
   */
  async close(options: { timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#isClosing = true;
    for (const subscription of [...this.#subscriptions.values()]) subscription.close();
    const isOver = this.#state.state === 'closed';
    if (!isOver && this.#outbox.size > 0) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, options.timeoutMs ?? DEFAULT_DRAIN_MS);
      });
      await Promise.race([this.#outbox.idle(), late, this.#ended]);
      clearTimeout(timer);
    }
    this.#outbox.end(closedError());
    this.#link.stop();
    await this.#ended;
  }

  async #run(): Promise<GovernsaiError | null> {
    // What is said of the connection is said after the caller has the client.
    await Promise.resolve();
    const error = await this.#link.run();
    this.#outbox.end(error ?? closedError());
    for (const subscription of [...this.#subscriptions.values()]) {
      if (error) subscription.fail(error);
      else subscription.close();
    }
    this.#tell({ state: 'closed', error });
    this.#listeners.clear();
    return error;
  }

  #abort(reason: unknown): void {
    this.#isClosing = true;
    this.#outbox.end(new GovernsaiError('CLOSED', 'the client was aborted', { cause: reason }));
    for (const subscription of [...this.#subscriptions.values()]) subscription.fail(reason);
    this.#link.drop();
  }

  #tell(state: ConnectionState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (error) {
        // A fault of the listener is not to be one of the connection, nor to be hidden.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #ready(connection: Connection): void {
    this.#connection = connection;
    for (const subscription of this.#subscriptions.values()) subscription.attach(connection);
    this.#outbox.attach((text) => connection.send(text));
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'ACK':
      case 'HOLD_RESULT':
      case 'HOLD_STATE':
        return this.#answered(message);
      case 'DECISION':
      case 'BUDGET_UPDATE':
      case 'NOTIFICATION':
        return this.#subscriptions.get(message.channel)?.take(message);
      case 'PONG':
        for (const [channel, seq] of Object.entries(message.positions ?? {})) {
          this.#subscriptions.get(channel)?.passed(seq);
        }
        return;
      case 'ERROR':
        if (message.channel !== undefined && message.id === undefined) {
          return this.#subscriptions.get(message.channel)?.refused(errorOf(message));
        }
        return this.#outbox.refused(message);
    }
  }

  #answered({ type, ...answer }: Extract<ServerMessage, { type: 'ACK' | 'HOLD_RESULT' | 'HOLD_STATE' }>): void {
    this.#outbox.answered(answer.id, answer);
  }

  async #send<Answer>(id: string, message: object, options: SendOptions): Promise<Answer> {
    if (this.#isClosing) throw closedError(id);
    const text = JSON.stringify(message);
    const bytes = encoder.encode(text).length;
    const { maxMessageBytes, whenFull } = this.#settings;
    if (bytes > maxMessageBytes) {
      const reason = `the message has ${bytes} bytes and may have ${maxMessageBytes}: send less data in one`;
      throw new GovernsaiError('PAYLOAD_TOO_LARGE', reason, { id });
    }
    return this.#outbox.submit<Answer>({
      id,
      text,
      bytes,
      whenFull: options.whenFull ?? whenFull,
      signal: options.signal,
    });
  }

  #follow<Event>(
    channel: string,
    options: DecisionSubscribeOptions<never>,
    buffer: EventBuffer<Event>,
  ): Subscription<Event> {
    const { since = null, filter, fields, signal } = options;
    signal?.throwIfAborted();
    if (this.#isClosing || this.#state.state === 'closed') throw closedError();
    if (this.#subscriptions.has(channel)) {
      const message = `${channel} is followed already: end that subscription first, or make another client`;
      throw new GovernsaiError('CONFLICT', message, { channel });
    }
    const subscription = new ChannelSubscription<Event>({
      channel,
      since,
      filter,
      fields,
      buffer,
      isGapless: filter === undefined && !TOOL_CHANNEL.test(channel),
      signal,
      backoff: this.#settings.backoff,
      onEnd: () => this.#subscriptions.delete(channel),
    });
    this.#subscriptions.set(channel, subscription);
    if (this.#connection) subscription.attach(this.#connection);
    return subscription;
  }
}

function closedError(id?: string): GovernsaiError {
  return new GovernsaiError('CLOSED', 'the client is closed: connect again', { id });
}
