import { canSubscribe } from '@governsai/access';
import { AppError, CHANNEL_FORMS, type Channel, parseChannel } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import type { Connection } from '@governsai/socket';
import type { Channels, OpenChannel } from './channels.ts';
import { openSubscriptions } from './metrics.ts';
import type { Selection } from './streams/decision-lens.ts';

/** What one SUB asks for. */
export interface Wanted {
  names: readonly string[];
  /** The last seq seen, by channel. */
  since: ReadonlyMap<string, number>;
  selection: Selection;
}

interface Subscribed {
  channel: Channel;
  open: OpenChannel;
}

interface Opened {
  name: string;
  channel: Channel;
  open: OpenChannel;
  /** False when it was subscribed before and goes on where it was. */
  isNew: boolean;
}

/** What one channel of a SUB came to. */
type Outcome = { name: string; error: AppError } | Opened;

/** The subscriptions of one connection. SUB and UNSUB take effect one after the other, in the order they came. */
export class Session {
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #log: Logger;
  readonly #maxSubscriptions: number;
  readonly #subscribed = new Map<string, Subscribed>();
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(connection: Connection, channels: Channels, maxSubscriptions: number, log: Logger) {
    this.#connection = connection;
    this.#maxSubscriptions = maxSubscriptions;
    this.#channels = channels;
    this.#log = log;
  }

  /** Rejects, with nothing subscribed, when the selection is wrong. */
  subscribe(wanted: Wanted): Promise<void> {
    return this.#inTurn(() => this.#subscribe(wanted));
  }

  unsubscribe(names: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const name of names) this.#end(name);
      this.#connection.send({ type: 'UNSUB_SUCCESS', channels: names });
    });
  }

  /** How far the subscriptions that do not get every seq have been served, by channel; null when there is none. */
  progress(): Record<string, number> | null {
    const selective = [...this.#subscribed].filter(([, { open }]) => open.isSelective && open.cursor !== null);
    if (selective.length === 0) return null;
    return Object.fromEntries(selective.map(([name, { open }]) => [name, open.cursor as number]));
  }

  /** The open subscriptions: how far each is, and how much more there is. */
  channels(): { channel: string; seq: number | null; lag: number | null }[] {
    return [...this.#subscribed].map(([channel, { open }]) => ({ channel, seq: open.cursor, lag: open.lag }));
  }

  /** Ends the subscriptions that the principal may not have any more. */
  recheck(): void {
    for (const [name, { channel }] of this.#subscribed) {
      const error = this.#refusal(channel);
      if (!error) continue;
      this.#end(name);
      this.#connection.sendError(error, { channel: name });
    }
  }

  close(): void {
    this.#closed = true;
    for (const name of [...this.#subscribed.keys()]) this.#end(name);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #subscribe(wanted: Wanted): Promise<void> {
    await this.#channels.check(wanted.selection);
    const outcomes = await Promise.all(wanted.names.map((name) => this.#open(name, wanted)));
    if (this.#closed) {
      for (const outcome of outcomes) if ('open' in outcome && outcome.isNew) outcome.open.end();
      return;
    }
    const opened = this.#tellRefused(outcomes);
    this.#connection.send({
      type: 'SUB_SUCCESS',
      channels: opened.map(({ name }) => name),
      positions: positionsOf(opened),
    });
    for (const { name, channel, open, isNew } of opened) {
      if (isNew) this.#start(name, channel, open);
      else open.select(wanted.selection);
    }
  }

  /** Sends an ERROR for each channel that was refused; returns the others. */
  #tellRefused(outcomes: readonly Outcome[]): Opened[] {
    const opened: Opened[] = [];
    for (const outcome of outcomes) {
      // The scopes may have changed while it was opened.
      const error = 'error' in outcome ? outcome.error : this.#refusal(outcome.channel);
      if (error) this.#connection.sendError(error, { channel: outcome.name, type: 'SUB' });
      else if ('open' in outcome) opened.push(outcome);
      if (error && 'open' in outcome && outcome.isNew) outcome.open.end();
    }
    return opened;
  }

  async #open(name: string, { since: sinceOf, selection }: Wanted): Promise<Outcome> {
    const since = sinceOf.get(name) ?? null;
    const channel = parseChannel(name);
    if (!channel) {
      const message = `channels: "${name.slice(0, 128)}" is no channel: use ${CHANNEL_FORMS}`;
      return { name, error: new AppError('VALIDATION_FAILED', message, { path: 'channels' }) };
    }
    const refusal = this.#refusal(channel);
    if (refusal) return { name, error: refusal };
    const known = this.#subscribed.get(name);
    if (known && since === null) return { name, channel, open: known.open, isNew: false };
    if (!known && this.#subscribed.size >= this.#maxSubscriptions) {
      const message = `a connection has at most ${this.#maxSubscriptions} subscriptions: UNSUB others first`;
      return { name, error: new AppError('VALIDATION_FAILED', message, { path: 'channels' }) };
    }
    try {
      const open = await this.#channels.open(channel, this.#connection.principal, since, this.#connection, selection);
      return { name, channel, open, isNew: true };
    } catch (error) {
      return { name, error: this.#asAppError(error) };
    }
  }

  #start(name: string, channel: Channel, open: OpenChannel): void {
    this.#end(name);
    this.#subscribed.set(name, { channel, open });
    openSubscriptions.inc({ kind: channel.kind });
    open.start((error) => {
      if (this.#subscribed.get(name)?.open === open) this.#end(name);
      this.#connection.sendError(error, { channel: name });
    });
  }

  #end(name: string): void {
    const subscribed = this.#subscribed.get(name);
    if (!subscribed) return;
    this.#subscribed.delete(name);
    openSubscriptions.dec({ kind: subscribed.channel.kind });
    subscribed.open.end();
  }

  #refusal(channel: Channel): AppError | null {
    try {
      canSubscribe(this.#connection.principal, channel);
      return null;
    } catch (error) {
      return this.#asAppError(error);
    }
  }

  #asAppError(error: unknown): AppError {
    if (error instanceof AppError) return error;
    this.#log.error({ err: error, connection: this.#connection.id }, 'a channel could not be opened');
    return new AppError('INTERNAL', 'the channel could not be opened: retry, and report it if it stays');
  }
}

function positionsOf(opened: readonly Opened[]): Record<string, number> {
  const positions: Record<string, number> = {};
  for (const { name, open, isNew } of opened) {
    const position = isNew ? open.position : open.cursor;
    if (position !== null) positions[name] = position;
  }
  return positions;
}
