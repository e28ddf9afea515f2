import { canSubscribe } from '@governsai/access';
import { AppError, CHANNEL_FORMS, type Channel, parseChannel } from '@governsai/contracts';
import type { Logger } from '@governsai/service';
import type { Connection } from '@governsai/socket';
import type { Channels, OpenChannel } from './channels.ts';
import { openSubscriptions } from './metrics.ts';

const MAX_SUBSCRIPTIONS = 256;

interface Subscribed {
  channel: Channel;
  open: OpenChannel;
}

/** What one channel of a SUB came to. */
type Outcome =
  | { name: string; error: AppError }
  | { name: string; channel: Channel; open: OpenChannel; isNew: boolean };

/** The subscriptions of one connection. SUB and UNSUB take effect one after the other, in the order they came. */
export class Session {
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #log: Logger;
  readonly #subscribed = new Map<string, Subscribed>();
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(connection: Connection, channels: Channels, log: Logger) {
    this.#connection = connection;
    this.#channels = channels;
    this.#log = log;
  }

  subscribe(names: readonly string[], since: ReadonlyMap<string, number>): Promise<void> {
    return this.#inTurn(() => this.#subscribe(names, since));
  }

  unsubscribe(names: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const name of names) this.#end(name);
      this.#connection.send({ type: 'UNSUB_SUCCESS', channels: names });
    });
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

  async #subscribe(names: readonly string[], since: ReadonlyMap<string, number>): Promise<void> {
    const outcomes = await Promise.all(names.map((name) => this.#open(name, since.get(name) ?? null)));
    if (this.#closed) {
      for (const outcome of outcomes) if ('open' in outcome && outcome.isNew) outcome.open.end();
      return;
    }
    const opened: Exclude<Outcome, { error: AppError }>[] = [];
    for (const outcome of outcomes) {
      // The scopes may have changed while it was opened.
      const error = 'error' in outcome ? outcome.error : this.#refusal(outcome.channel);
      if (error) this.#connection.sendError(error, { channel: outcome.name, type: 'SUB' });
      else if ('open' in outcome) opened.push(outcome);
      if (error && 'open' in outcome && outcome.isNew) outcome.open.end();
    }
    this.#connection.send({
      type: 'SUB_SUCCESS',
      channels: opened.map(({ name }) => name),
      positions: positionsOf(opened),
    });
    for (const { name, channel, open, isNew } of opened) if (isNew) this.#start(name, channel, open);
  }

  async #open(name: string, since: number | null): Promise<Outcome> {
    const channel = parseChannel(name);
    if (!channel) {
      const message = `channels: "${name.slice(0, 128)}" is no channel: use ${CHANNEL_FORMS}`;
      return { name, error: new AppError('VALIDATION_FAILED', message, { path: 'channels' }) };
    }
    const refusal = this.#refusal(channel);
    if (refusal) return { name, error: refusal };
    const known = this.#subscribed.get(name);
    if (known && since === null) return { name, channel, open: known.open, isNew: false };
    if (!known && this.#subscribed.size >= MAX_SUBSCRIPTIONS) {
      const message = `a connection has at most ${MAX_SUBSCRIPTIONS} subscriptions: UNSUB others first`;
      return { name, error: new AppError('VALIDATION_FAILED', message, { path: 'channels' }) };
    }
    try {
      const open = await this.#channels.open(channel, this.#connection.principal, since, this.#connection);
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

function positionsOf(opened: readonly { name: string; open: OpenChannel; isNew: boolean }[]): Record<string, number> {
  const positions: Record<string, number> = {};
  for (const { name, open, isNew } of opened) {
    const position = isNew ? open.position : open.cursor;
    if (position !== null) positions[name] = position;
  }
  return positions;
}
